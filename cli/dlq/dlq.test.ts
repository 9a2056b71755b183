import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DevServer } from "#handbook/testing/dev-server.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { askDlq, countLetters, type DlqOutcome, type LetterCounts } from "./testing/ask-dlq.ts";

const withinMs = { timeout: 30_000, interval: 50 };

/** The house in a process of its own, on a topology whose first node has a bug until it is mended. */
class House {
  readonly folder = mkdtempSync(join(tmpdir(), "millrace-dlq-"));
  url = "";
  readonly #server = new DevServer({ data: join(this.folder, "data") });

  constructor() {
    onTestFinished(async () => {
      await this.#server.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  async start(atLeast: 1 | 2, { key, args = [] }: { key?: string; args?: readonly string[] } = {}): Promise<void> {
    const topology = join(this.folder, "shop.yaml");
    writeFileSync(
      topology,
      `topology: shop
nodes:
  orders: { from: business.orders.created, dedupe: { by: eventId, within: 24h }, require: { that: size(data.items) >= ${atLeast}, reason: too-few-items } }
  arrived: { from: business.orders.created, dedupe: { by: eventId, within: 24h } }
  by-customer: { from: orders, aggregate: { orders: count() } }
  all-arrived: { from: arrived, key: "'all'", aggregate: { orders: count() } }
`,
    );
    await this.#server.start(["--topology", topology, ...args], key === undefined ? {} : { MILLRACE_KEY: key });
    this.url = this.#server.url;
  }

  end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    return this.#server.end(signal);
  }

  async post(from: number, count: number): Promise<void> {
    const amount = { amount: "1.00", currency: "GBP" };
    const events = Array.from({ length: count }, (_, i) => ({
      eventType: "order.created",
      eventId: `event-${from + i}`,
      data: {
        orderId: `order-${from + i}`,
        customerId: `customer-${(from + i) % 20}`,
        items: [{ sku: "22423", quantity: 1, unitPrice: amount }],
        total: amount,
        shippingAddress: { country: "France" },
        paymentMethod: { type: "card", cardId: "card-1" },
      },
    }));
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/v1/events`, { method: "POST", headers, body: JSON.stringify(events) });
    expect(response.status).toBe(200);
  }

  async counted(query: string): Promise<number> {
    const response = await fetch(`${this.url}/v1/queries/${query}`);
    const { rows } = (await response.json()) as { rows?: { orders: number }[] };
    return (rows ?? []).reduce((sum, { orders }) => sum + orders, 0);
  }

  dlq(...args: string[]): Promise<DlqOutcome> {
    return askDlq(this.url, ...args);
  }

  summary(): Promise<LetterCounts> {
    return countLetters(this.url);
  }
}

test("[RD1] [RD6] [RD7] from a bug to letters that went through: list, show, dry run, redrive, drop", async () => {
  const house = new House();
  await house.start(2);
  await house.post(0, 5);
  await expect.poll(() => house.summary(), withinMs).toEqual({ open: 5, redriven: 0, dropped: 0 });
  const list = await house.dlq("list", "--node", "orders", "--reason", "too-few-items", "--from=-10m");
  expect(list).toMatchObject({ code: 0, err: "" });
  expect(list.out).toMatch(/^topic +node +reason +open +redriven +dropped +newest\n\S+\.dlq +orders +too-few-items +5 +0 +0 /);
  const names = [...list.out.matchAll(/^(\S+\.dlq\/\d+\/\d+) /gm)].map(([, name]) => name!);
  expect(names).toHaveLength(5);
  expect((await house.dlq("list", "--to=-10m")).out).toBe("There are no such letters.\n");
  const shown = await house.dlq("show", names[0]!);
  expect(shown.out).toMatch(/reason: +too-few-items\n/);
  expect(shown.out).toMatch(/ {2}dlq\.group: shop-consumer-group\n/);
  expect(shown.out).toMatch(/ {2}000000 {2}00 00 00 /);
  expect(shown.out).toContain('"orderId": "order-');
  expect((await house.dlq("drop", names[4]!)).err).toMatch(/^DLQ_USAGE a drop says why/);
  expect(await house.dlq("drop", names[4]!, "--why", "a test")).toMatchObject({ code: 0, out: "1 letter dropped\n" });
  expect((await house.dlq("show", names[4]!)).out).toMatch(/state: +dropped \S+ by ann \(loopback\): a test\n/);
  expect(await house.dlq("redrive", "--all", "--dry-run")).toMatchObject({
    code: 0,
    out: "4 letters would be redriven\n",
  });

  // The bug is mended: the same data folder, another file.
  await house.end("SIGTERM");
  await house.start(1);
  expect(await house.counted("by-customer")).toBe(0);
  expect(await house.dlq("redrive", "--all")).toMatchObject({ code: 0, out: "4 letters redriven\n" });
  await expect.poll(() => house.counted("by-customer"), withinMs).toBe(4);
  const again = await house.dlq("redrive", names[0]!, names[4]!);
  expect(again.code).toBe(1);
  expect(again.out).toMatch(/^0 letters redriven\n1 not redriven: already-redriven .*\n1 not redriven: already-dropped /);
  // Who had them before does not see them again; the events sent again by the shop count once.
  await house.post(0, 5);
  await house.post(5, 1);
  await expect.poll(() => house.counted("by-customer"), withinMs).toBe(5);
  await expect.poll(() => house.counted("all-arrived"), withinMs).toBe(6);
  expect(await house.summary()).toEqual({ open: 0, redriven: 4, dropped: 1 });
  await house.end("SIGTERM");
}, 240_000);

test("[RD1] [RD4] killed again and again in the midst of a redrive: every letter comes back once", async () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const house = new House();
  await house.start(2);
  const orders = 4000;
  for (let from = 0; from < orders; from += 1000) await house.post(from, 1000);
  await expect.poll(async () => (await house.summary()).open, withinMs).toBe(orders);
  await house.end("SIGTERM");
  let kills = 0;
  for (let done = false; !done;) {
    await house.start(1);
    // The longer it goes on, the later: in the end it gets through.
    const dead =
      kills < 5
        ? new Promise<void>((settle) => setTimeout(() => void house.end("SIGKILL").then(settle), random.between(1, 60 + kills * 20)))
        : undefined;
    const { code } = await house.dlq("redrive", "--all", "--by", "test");
    if (dead === undefined) done = code === 0;
    else {
      await dead;
      kills += 1;
    }
  }
  await expect.poll(() => house.counted("by-customer"), withinMs).toBe(orders);
  expect({ seed, ...(await house.summary()) }).toEqual({ seed, open: 0, redriven: orders, dropped: 0 });
  expect(await house.counted("all-arrived")).toBe(orders);
  // What came twice would be counted in a moment.
  await house.post(orders, 1);
  await expect.poll(() => house.counted("by-customer"), withinMs).toBe(orders + 1);
  await house.end("SIGTERM");
}, 300_000);

test("[RD7] who has no key, or another, changes nothing, nor a page of another origin", async () => {
  const house = new House();
  const send = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${house.url}/v1/dead-letters/redrive`, { method: "POST", headers, body: '{"all":true,"by":"x"}' });
  const json = { "content-type": "application/json" };
  await house.start(1, { key: "secret" });
  expect((await send(json)).status).toBe(401);
  expect((await house.dlq("list")).err).toMatch(/^DLQ_NOT_ALLOWED .*give the key: --key, or MILLRACE_KEY/);
  expect((await house.dlq("list", "--key", "former")).err).toBe(
    `DLQ_NOT_ALLOWED the key (--key, or MILLRACE_KEY) is not the one that ${house.url} was started with\n`,
  );
  expect((await house.dlq("redrive", "--all", "--key", "secret")).out).toBe("0 letters redriven\n");
  await house.end("SIGTERM");
  await house.start(1);
  expect((await send({})).status).toBe(400);
  expect((await send({ ...json, "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await send({ ...json, origin: "http://elsewhere.example" })).status).toBe(403);
  expect((await send(json)).status).toBe(200);
  await house.end("SIGTERM");
}, 240_000);

test("[RD6] what cannot be done is said with a code, and a wrong word with the right ones", async () => {
  const house = new House();
  house.url = "http://127.0.0.1:9";
  for (const [args, code, said] of [
    [["list"], 1, /^DLQ_NO_SERVER http:\/\/127\.0\.0\.1:9 does not answer/],
    [[], 2, /^DLQ_USAGE say what to do: list, show, redrive, drop\nmillrace dlq --help/],
    [["redrive"], 2, /^DLQ_USAGE say which letters to redrive/],
    [["show", "one", "two"], 2, /^DLQ_USAGE show takes one letter/],
    [["redrive", "orders"], 2, /^DLQ_USAGE orders names no letter/],
    [["list", "--limit", "0"], 2, /^DLQ_USAGE --limit is a whole number/],
    [["list", "--state", "shut"], 2, /^DLQ_USAGE --state is open/],
  ] as const) {
    const answer = await house.dlq(...args);
    expect([args, answer.code, answer.out]).toEqual([args, code, ""]);
    expect(answer.err).toMatch(said);
  }
  expect((await house.dlq("--help")).out).toMatch(/^millrace dlq list \| show LETTER/);
});

test("[RD9] letters that fail again while all are redriven are not redriven a second time, however many requests it takes", async () => {
  const house = new House();
  await house.start(2);
  for (const from of [0, 750]) await house.post(from, 750);
  await expect.poll(async () => (await house.summary()).open, withinMs).toBe(1500);

  // Nothing was mended: each comes back as a new letter while the rest is redriven.
  const { code, out } = await house.dlq("redrive", "--all");
  expect([code, out]).toEqual([0, "1500 letters redriven\n"]);
  await expect.poll(() => house.summary(), withinMs).toEqual({ open: 1500, redriven: 1500, dropped: 0 });
}, 60_000);
