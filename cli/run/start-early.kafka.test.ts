import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { readRunOptions, type RunOptions } from "./options.ts";
import { endEarly, startEarly } from "./start-early.ts";
import { orderTopology, RunProcess, temporaryFolder } from "./testing/run-process.ts";
import { WorkerHost } from "./worker-host.ts";

const kafka = process.env["MILLRACE_KAFKA"];

/** A port that was free a moment ago. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return String(port);
}

describe("workers that start before HTTP", { timeout: 240_000 }, () => {
  test("[K122] a process that names its port and finds no broker says so, in one line and what to do", async () => {
    const folder = temporaryFolder();
    const args = [orderTopology(folder, "nowhere"), "--connect-timeout", "500ms", "--port", await freePort(), "--state", folder];
    for (const [url, code, says] of [
      ["kafka://127.0.0.1:9", 1, /^BROKER_UNREACHABLE .*\n.*is Kafka started.*\n$/],
      ["kafkaa://127.0.0.1:9", 2, /^KAFKA_URL_MALFORMED .*\n$/],
    ] as const) {
      const ended = await new RunProcess([...args, "--broker", url]).ended();
      expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(says)]);
    }
  });

  test.skipIf(kafka === undefined)(
    "[K122] a process whose port is taken joins nobody; with one that is free it runs, and ends in order",
    async () => {
      const folder = temporaryFolder();
      const name = `early-${randomBytes(6).toString("hex")}`;
      const args = [orderTopology(folder, name), "--broker", `kafka://${kafka}`, "--state", join(folder, "state"), "--log", "debug"];
      const taken = createServer().listen(0, "127.0.0.1");
      await once(taken, "listening");
      const { port } = taken.address() as { port: number };
      const ended = await new RunProcess([...args, "--port", String(port)]).ended();
      taken.close();
      expect([ended.code, ended.err]).toEqual([1, expect.stringContaining(`RUN_PORT_TAKEN port ${port} `)]);
      expect(ended.err).not.toMatch(/worker\.joining|gateway\.draining/);

      const running = await new RunProcess([...args, "--port", await freePort()]).ready();
      const events = running.err
        .split("\n")
        .flatMap((line) => (line.startsWith("{") ? [(JSON.parse(line) as { event: string }).event] : []));
      expect(events.indexOf("worker.loaded")).toBeLessThan(events.indexOf("run.listening"));
      running.signal("SIGTERM");
      expect(await running.ended()).toMatchObject({ code: 0, out: expect.stringContaining("all committed") as string });
    },
  );

  test("[K122] a signal ends the wait for workers that have neither joined nor failed", async () => {
    const folder = temporaryFolder();
    const args = [orderTopology(folder, "nowhere"), "--broker", "kafka://127.0.0.1:9", "--connect-timeout", "1m", "--state", folder];
    const thread = new WorkerHost();
    onTestFinished(() => thread.kill());
    const interrupted = new AbortController();
    const early = startEarly(readRunOptions([...args, "--port", await freePort()], {}) as RunOptions, [thread], interrupted.signal);
    await expect.poll(() => thread.settings).toBeDefined();
    const at = performance.now();
    interrupted.abort();
    await early;
    // Where there are more cores it does not wait at all.
    expect(performance.now() - at).toBeLessThan(1500);
    await endEarly([thread]);
  });

  /** A process whose early worker waits for its group, since a member has gone without a word; `change` may meddle with its file. */
  async function waiting(change: (file: string) => void = () => undefined): Promise<RunProcess> {
    const folder = temporaryFolder();
    const file = orderTopology(folder, `early-${randomBytes(6).toString("hex")}`);
    const args = [file, "--broker", `kafka://${kafka}`, "--log", "debug", "--session-timeout", "10s"];
    const gone = await new RunProcess([...args, "--port", "0", "--state", join(folder, "gone")]).ready();
    gone.signal("SIGKILL");
    await gone.ended();
    const early = new RunProcess([...args, "--port", await freePort(), "--state", join(folder, "early")]);
    await early.until(() => early.err.includes("worker.joining"), "its worker joins");
    change(file);
    return early;
  }

  test.skipIf(kafka === undefined)("[K122] a signal while it waits for its workers ends it at once, in order", async () => {
    const early = await waiting();
    early.signal("SIGINT");
    const ended = await early.ended();
    expect(ended).toMatchObject({ code: 130, err: expect.stringContaining("worker.ended") as string });
    expect(ended.err).not.toContain("run.listening");
  });

  test.skipIf(kafka === undefined)("[K122] a file that is changed behind the early workers' back is said", async () => {
    const early = await waiting((file) => appendFileSync(file, "# another\n"));
    expect(await early.ended()).toMatchObject({ code: 1, err: expect.stringMatching(/\nRUN_TOPOLOGY_CHANGED .*\n$/) as string });
  });
});
