import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openEmbeddedBroker } from "../engine/broker/embedded/embedded-broker.ts";
import { openTestGateway, readLog, type Stored } from "../gateway/testing/test-gateway.ts";
import { DevServer } from "../handbook/testing/dev-server.ts";
import { seededRandom, testSeed } from "../schemas/testing/seeded-random.ts";
import { MillraceClient, type StreamEvent } from "./mod.ts";
import { FaultProxy } from "./testing/fault-proxy.ts";

const seed = testSeed();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Sends units of articles, as fast as there is room; answers what was sent, by article. */
async function sendUnits(
  client: MillraceClient,
  { events, skus }: { readonly events: number; readonly skus: number },
  at: (i: number) => Promise<void> | void,
): Promise<Map<string, string[]>> {
  const sent = new Map<string, string[]>();
  const receipts: Promise<unknown>[] = [];
  for (let i = 0; i < events; i++) {
    await client.room();
    await at(i);
    const sku = `s-${i % skus}`;
    const eventId = `e-${i}`;
    sent.set(sku, [...(sent.get(sku) ?? []), eventId]);
    receipts.push(client.send("inventory.received", { sku, quantity: 1 }, { eventId }));
  }
  await client.flush();
  const settled = await Promise.allSettled(receipts);
  expect(settled.filter(({ status }) => status === "rejected")).toEqual([]);
  return sent;
}

/** For every key, what is on the log is what was sent, in its order, with only exact repeats behind the first. */
function expectOrder(stored: readonly Stored[], sent: ReadonlyMap<string, readonly string[]>): void {
  const posted = stored.filter(({ event }) => event.eventType === "inventory.received");
  const byKey = Map.groupBy(posted, ({ key }) => key);
  for (const [sku, ids] of sent) expect([...new Set(byKey.get(sku)!.map(({ event }) => event.eventId))], sku).toEqual(ids);
}

describe(`a client in bad weather (SEED=${seed})`, () => {
  test("[N6] that nobody is there is told once, with what waits; nothing is given up, and it is told again when it happens again", async () => {
    const gateway = await openTestGateway();
    closing.push(() => gateway.close());
    const fair = { cutRequest: 0, lostAnswer: 0, slow: 0, refused: 0 };
    const proxy = await new FaultProxy(() => gateway.port, fair, seededRandom(seed)).start();
    closing.push(() => proxy.close());
    const told: unknown[] = [];
    const client = new MillraceClient({
      url: proxy.url,
      key: "sk_test",
      backoff: { baseMs: 1, mostMs: 2 },
      onTrouble: ({ code }, waiting) => told.push([code, waiting]),
    });
    for (const times of [1, 2]) {
      proxy.faults = { ...fair, cutRequest: 1 };
      const before = proxy.seen.cutRequest;
      const sent = client.send("inventory.received", { sku: "a", quantity: 1 });
      await vi.waitUntil(() => told.length === times && proxy.seen.cutRequest > before + 10, { timeout: 20_000 });
      proxy.faults = fair;
      expect((await sent).status).toBe("accepted");
    }
    expect(told).toEqual([
      ["unreachable", 1],
      ["unreachable", 1],
    ]);
    await client.close();
  });

  test("[N5] [N6] requests cut, answers lost, slow and refused: nothing is lost, nothing is stored twice, the order of each key holds", async () => {
    const gateway = await openTestGateway();
    closing.push(() => gateway.close());
    const faults = { cutRequest: 0.08, lostAnswer: 0.08, slow: 0.2, refused: 0.08 };
    const proxy = await new FaultProxy(() => gateway.port, faults, seededRandom(seed)).start();
    closing.push(() => proxy.close());
    const client = new MillraceClient({
      url: proxy.url,
      key: "sk_test",
      batch: { events: 20, ms: 1 },
      held: { events: 400 },
      backoff: { baseMs: 5, mostMs: 50 },
    });
    const sent = await sendUnits(client, { events: 3000, skus: 15 }, () => undefined);
    await client.close();
    const stored = await gateway.stored();
    expect(stored).toHaveLength(3000);
    expectOrder(stored, sent);
    for (const [fault, count] of Object.entries(proxy.seen)) expect(count, fault).toBeGreaterThan(0);
  });

  test(
    "[N5] [N6] the server is killed again and again: nothing is lost, every effect is there once, the order of each key holds",
    { timeout: 240_000 },
    async () => {
      const data = mkdtempSync(join(tmpdir(), "millrace-client-"));
      closing.push(async () => rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
      const server = new DevServer({ data });
      closing.push(() => server.end("SIGKILL"));
      await server.start();
      const client = new MillraceClient({
        url: server.url,
        batch: { events: 25, ms: 1 },
        held: { events: 200 },
        backoff: { baseMs: 20, mostMs: 300 },
      });
      const skus = 20;
      let back: Promise<unknown> = Promise.resolve();
      const sent = await sendUnits(client, { events: 2000, skus }, async (i) => {
        if (i !== 500 && i !== 1300) return;
        await back;
        await server.end("SIGKILL");
        // Sent meanwhile: connections are refused, until it is back.
        back = server.start();
      });
      const last = await client.send("inventory.received", { sku: "s-0", quantity: 1 }, { eventId: "last" });
      sent.get("s-0")!.push("last");
      const rows = await client.query<{ readonly sku: string; readonly level: number }>(
        "stock-levels",
        {},
        { after: last.token, waitSeconds: 30 },
      );
      expect(Object.fromEntries(rows.rows.map(({ sku, level }) => [sku, level]))).toEqual(
        Object.fromEntries(Array.from({ length: skus }, (_, i) => [`s-${i}`, i === 0 ? 101 : 100])),
      );
      await client.close();
      await server.end("SIGTERM");
      const broker = openEmbeddedBroker({ path: join(data, "log.db") });
      closing.push(() => broker.close());
      expectOrder(await readLog(broker), sent);
    },
  );

  test(
    "[N10] a stream goes on behind cuts and a kill of the server: what was put together is what a pull shows",
    { timeout: 240_000 },
    async () => {
      const server = new DevServer();
      closing.push(() => server.close());
      await server.start();
      const proxy = await new FaultProxy(
        () => server.port,
        { cutRequest: 0, lostAnswer: 0.05, slow: 0.1, refused: 0.05 },
        seededRandom(seed),
      ).start();
      closing.push(() => proxy.close());
      const sender = new MillraceClient({ url: server.url, backoff: { baseMs: 20, mostMs: 300 } });
      const reader = new MillraceClient({ url: proxy.url, backoff: { baseMs: 5, mostMs: 50 } });
      const stop = new AbortController();
      const rows = new Map<string, { readonly sku: string; readonly level: number }>();
      let snapshots = 0;
      const reading = (async () => {
        for await (const event of reader.stream("stock-levels", {}, { signal: stop.signal })) snapshots += applied(event, rows);
      })().catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
      const level = (): number => [...rows.values()].find(({ sku }) => sku === "a")?.level ?? 0;
      for (let i = 1; i <= 40; i++) {
        await sender.send("inventory.received", { sku: i % 2 === 0 ? "b" : "a", quantity: 1 });
        if (i === 20) {
          await server.end("SIGKILL");
          await server.start();
        }
      }
      await expect.poll(level, { timeout: 60_000 }).toBe(20);
      const { rows: pulled } = await sender.query<{ readonly sku: string; readonly level: number }>("stock-levels");
      await expect
        .poll(() => [...rows.values()].map(({ sku, level: units }) => `${sku} ${units}`).toSorted(), { timeout: 60_000 })
        .toEqual(pulled.map(({ sku, level: units }) => `${sku} ${units}`).toSorted());
      stop.abort();
      await reading;
      expect(snapshots).toBeGreaterThan(0);
      await expect(reader.stream("no-such-query").next()).rejects.toMatchObject({ code: "unknown-query", retryable: false });
      const aborted = reader.query("stock-levels", {}, { signal: AbortSignal.abort(new Error("mine")) });
      await expect(aborted).rejects.toThrow("mine");
      await expect(sender.query("stock-levels", { skuu: "a" })).rejects.toMatchObject({
        code: "unknown-filter",
        didYouMean: "sku",
        status: 400,
      });
      await expect(sender.query("stock-levels", { sku: ["a", "b"], order: "-level", limit: 1 })).resolves.toMatchObject({
        rows: [{ level: 20 }],
      });
      await Promise.all([sender.close(), reader.close()]);
    },
  );
});

type Row = { readonly sku: string; readonly level: number };

/** Applies an event to what a client has; answers whether it began a snapshot. */
function applied({ event, data }: StreamEvent, rows: Map<string, Row>): number {
  const { rows: told = [], keys = [] } = data as { readonly rows?: readonly (readonly [string, Row])[]; readonly keys?: readonly string[] };
  const begins = event === "snapshot" && (data as { readonly part?: number }).part === 0;
  if (event === "reset" || begins) rows.clear();
  if (event === "snapshot" || event === "upsert") for (const [key, row] of told) rows.set(key, row);
  if (event === "delete") for (const key of keys) rows.delete(key);
  return begins ? 1 : 0;
}
