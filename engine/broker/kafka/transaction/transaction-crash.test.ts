import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bootstrap, describeKafka, openClient, until } from "../proving/kafka-test.ts";
import { managerOf, seen, transactionBench, transactionState } from "./transaction-harness.ts";
import { type TransactionBench, transactionOf } from "./transaction-samples.ts";
import { transactionSteps } from "./transaction.ts";

const program = fileURLToPath(new URL("committing-process.ts", import.meta.url));

async function killedAt(bench: TransactionBench, step: string, version: number): Promise<void> {
  const { host, port } = bootstrap![0]!;
  const args = [program, "--host", host, "--port", `${port}`, "--version", `${version}`, "--step", step, "--bench", JSON.stringify(bench)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`not killed at ${step}: ${said}`);
}

describeKafka.each([2, 1] as const)("a process that is killed, in version %i", (version) => {
  test.each(transactionSteps)("[K23] at %s leaves all of its transaction or nothing, and its successor is ready at once", async (step) => {
    const bench = await transactionBench();
    await killedAt(bench, step, version);
    const heir = managerOf(bench, { version });
    const state = await transactionState(openClient("states"), bench.id);
    const began = performance.now();
    await heir.open();
    // The coordinator would give the transaction up after 30 s.
    expect(performance.now() - began).toBeLessThan(10_000);
    const done = step === "ended";
    expect(state).toMatch(step === "begun" || done ? /Commit$/ : /Ongoing/);
    const last = done ? "2 second" : "1 first";
    await until(async () => (await seen(bench)).values.length === (done ? 4 : 2), 5000, "the markers are written");
    expect(await seen(bench)).toEqual({
      values: done ? ["0:first", "0:second", "1:first", "1:second"] : ["0:first", "1:first"],
      offsets: [last, last],
    });
    expect(await heir.run(transactionOf(bench, "heir", 3n))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).offsets[1] === "3 heir", 5000, "the markers are written");
    expect((await seen(bench)).values).toEqual(
      done ? ["0:first", "0:second", "0:heir", "1:first", "1:second", "1:heir"] : ["0:first", "0:heir", "1:first", "1:heir"],
    );
  });
});
