import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { orderTopology, RunProcess, temporaryFolder } from "./testing/run-process.ts";

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
      expect(ended.err).not.toContain("worker.joining");

      const running = await new RunProcess([...args, "--port", await freePort()]).ready();
      const events = running.err
        .split("\n")
        .flatMap((line) => (line.startsWith("{") ? [(JSON.parse(line) as { event: string }).event] : []));
      expect(events.indexOf("worker.loaded")).toBeLessThan(events.indexOf("run.listening"));
      running.signal("SIGTERM");
      expect(await running.ended()).toMatchObject({ code: 0, out: expect.stringContaining("all committed") as string });
    },
  );
});
