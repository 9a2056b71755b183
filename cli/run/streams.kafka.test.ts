import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { pulled, StreamClient } from "#queries/testing/stream-client.ts";
import { orderTopology, RunProcess, temporaryFolder } from "./testing/run-process.ts";

const kafka = process.env["MILLRACE_KAFKA"];
const describeKafka = describe.skipIf(kafka === undefined);
const query = "orders-by-country";

/** Reads a stream as a browser does: it comes back whenever it ends, to whom it is told. */
class Reader {
  readonly client = new StreamClient();
  /** Rows that were told with fewer orders than before. */
  readonly back: string[] = [];
  readonly #path: string;
  #from: RunProcess;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(from: RunProcess, filter: string) {
    this.#from = from;
    this.#path = `/v1/queries/${query}/stream?${filter}`;
    this.client.onRow = (key, row, before) => {
      if (before !== undefined && Number(row["orders"]) < Number(before["orders"]))
        this.back.push(`${key} ${JSON.stringify([before, row])}`);
    };
    this.#running = this.#run();
    onTestFinished(() => this.stop());
  }

  async to(other: RunProcess): Promise<void> {
    this.#from = other;
    await this.client.cut().catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.client.cut().catch(() => undefined);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        if ((await this.client.connect(this.#from, this.#path)).status === 200) while (!this.#stopped && (await this.client.piece()));
      } catch {
        // Whoever told it is gone.
      }
      await sleep(100);
    }
  }
}

describeKafka("streams of millrace run", { timeout: 360_000 }, () => {
  test("[Q47] a reader is told what all processes have; one is killed, another takes over, and no last value is missing", async () => {
    const folder = temporaryFolder();
    const name = `streams-${randomBytes(6).toString("hex")}`;
    const file = orderTopology(folder, name);
    const start = (instance: string): RunProcess =>
      new RunProcess(
        `${file} --broker kafka://${kafka} --port 0 --state ${join(folder, instance)} --instance ${name}-${instance} --session-timeout 10s`.split(
          " ",
        ),
      );
    const a = await start("a").ready();
    const b = await start("b").ready();
    const owned = (one: RunProcess): Promise<number> => one.metric("millrace_owned_tasks");
    await a.until(async () => (await owned(a)) === 12 && (await owned(b)) === 12, "the tasks are shared");

    const run = randomBytes(4).toString("hex");
    const lands = Array.from({ length: 24 }, (_, i) => `${run}-land-${i}`);
    const filter = lands.map((land) => `country=${land}`).join("&");
    let rounds = 0;
    /** One more order of each country; sent again, with the same ids, until each is taken. */
    const post = async (): Promise<string> => {
      rounds += 1;
      for (const deadline = performance.now() + 90_000; ;) {
        try {
          return (await a.post(lands, (land) => `${land}-${rounds}`)).join(",");
        } catch (error) {
          if (performance.now() > deadline) throw error;
          await sleep(200);
        }
      }
    };
    const reader = new Reader(a, filter);
    const { client } = reader;
    const counts = (): number[] => [...client.rows.values()].map((row) => Number(row["orders"]));
    const told = async (): Promise<void> => {
      await a.until(
        () => counts().length === lands.length && counts().every((count) => count === rounds),
        `${rounds} orders each: ${client.names().slice(-9).join(" ")}`,
      );
    };

    await a.until(() => client.names().includes("progress"), "the stream has begun");
    for (let i = 0; i < 5; i++) await post();
    await told();
    expect(client.names()).not.toContain("reset");
    expect(await a.metric("millrace_stream_readers")).toBe(1);

    // In the midst of it half of the tasks lose their owner.
    await post();
    b.signal("SIGKILL");
    for (let i = 0; i < 3; i++) await post();
    await told();
    expect(client.names()).toContain("waiting");
    await a.until(async () => (await owned(a)) === 24, "the other has all tasks");

    // Another process takes its share, and tells on where the first one was.
    const c = await start("c").ready();
    await a.until(async () => (await owned(a)) === 12 && (await owned(c)) === 12, "the tasks are shared again");
    await reader.to(c);
    await post();
    const after = await post();
    await told();
    await c.text(`/v1/queries/${query}?limit=1&after=${after}`);
    expect(client.shown()).toEqual(await pulled(c, `${query}?${filter}`));
    expect(reader.back).toEqual([]);
  });
});
