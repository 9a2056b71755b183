import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { keyTextOf, openEmbeddedBroker, valueOf } from "@millrace/engine";

const topic = "test.killed";
const partitions = 2;
const script = new URL("./deliver-to-store.ts", import.meta.url).pathname;

/**
 * Delivers to a store in processes of their own, each killed by SIGKILL in the middle while it appends and delivers, then in one that comes to an end;
 * answers the last value of each key that the log has then, which the store must have too. `after`: how many signs of life a process is left.
 */
export async function deliverThroughKills(
  { url, name, kills }: { readonly url: string; readonly name: string; readonly kills: number },
  after: () => number,
): Promise<Map<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-killed-"));
  const path = join(folder, "log.db");
  try {
    for (let killed = 0; killed < kills;) if (await run([path, url, name, "4000"], after())) killed += 1;
    await run([path, url, name, "1000"], Infinity);
    return await lastValues(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether it was killed before it was ready. */
async function run(args: readonly string[], signs: number): Promise<boolean> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  let seen = 0;
  createInterface({ input: child.stdout }).on("line", () => {
    seen += 1;
    if (seen === signs) child.kill("SIGKILL");
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((settle) =>
    child.once("close", (ended, by) => settle([ended, by])),
  );
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`the process ended with ${code ?? signal}: ${said}`);
  return signal === "SIGKILL";
}

async function lastValues(path: string): Promise<Map<string, string>> {
  const broker = openEmbeddedBroker({ path });
  const values = new Map<string, string>();
  try {
    for (let partition = 0; partition < partitions; partition++) {
      for (let offset = 0n, end = 1n; offset < end;) {
        const limits = { maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxWaitMs: 0 };
        const batches = await broker.fetch([{ topic, partition, offset }], limits);
        for (const batch of batches) {
          for (let i = 0; i < batch.count; i++) {
            const value = valueOf(batch.index, i);
            if (value === null) values.delete(keyTextOf(batch.index, i)!);
            else values.set(keyTextOf(batch.index, i)!, value.toString());
          }
          ({ next: offset, end } = batch);
        }
      }
    }
    return values;
  } finally {
    await broker.close();
  }
}
