import { expect, onTestFinished, test, vi } from "vitest";
import type { EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { dedupe, seenCodec } from "#operators/dedupe.ts";
import { mapValue, requireValue } from "#operators/stateless.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import type { Plan } from "#task/plan.ts";
import type { TestInput } from "./every-way.ts";
import { testPlan } from "./test-plan.ts";
import { openTestBroker, post, recordsOf, startTestWorker } from "./worker-bench.ts";
import { noDeliveryEvents } from "#delivery/delivery-events.ts";
import { Deliverer } from "#delivery/deliverer.ts";
import type { Delivery, Sink } from "#delivery/sink.ts";
import { LetterDesk } from "#delivery/letter-desk.ts";
import type { SettleReport, SettleRequest } from "#delivery/letter-request.ts";
import { parseLetterName } from "#delivery/letter-place.ts";

type Thing = { readonly id: string; readonly bad?: boolean; readonly poison?: boolean };
const at = (time: number, key: string, value: Thing): TestInput => ({ to: "in", key, value, at: time });
const idOf = ({ value }: { readonly value: unknown }): string => (value as Thing).id;

/** `checked` refuses what is bad, `strict` throws at poison; both read `in`. `picky` reads `checked`, and refuses too. */
class Shop {
  mended = false;
  readonly plan: Plan;

  constructor(partitions = 2) {
    const bad = ({ bad: isBad }: Thing): boolean => this.mended || isBad !== true;
    const chain = (...steps: readonly unknown[]): BoundProcessor => chainNode("chain", {}, () => steps as never);
    const checked = chainNode("checked", { seen: windowStore(seenCodec) }, ({ seen }) => [
      dedupe<Thing>(seen as WindowStore<number>, { by: ({ id }) => id, withinMs: 1000 }) as never,
      requireValue<Thing>(bad, "bad") as never,
    ]);
    const strict = (thing: Thing): Thing => {
      if (thing.poison === true && !this.mended) throw new RecordError("poisoned", thing.id);
      return thing;
    };
    this.plan = testPlan(
      {
        one: {
          nodes: {
            checked: { processor: checked, from: { in: ["in"] } },
            picky: {
              processor: chain(requireValue<Thing>(({ id }) => this.mended || !id.startsWith("p"), "picky")),
              from: { in: ["checked"] },
            },
            strict: { processor: chain(mapValue(strict)), from: { in: ["in"] } },
          },
          to: {
            checked: { from: "checked.out", kind: "topic" },
            picky: { from: "picky.out", kind: "topic" },
            strict: { from: "strict.out", kind: "topic" },
          },
        },
      },
      partitions,
    );
  }

  request(more: Partial<SettleRequest> = {}): SettleRequest {
    const { partitions } = this.plan.topics[0]!;
    const topics = [{ name: "in.dlq", partitions }];
    return { action: "redrive", topics, dryRun: false, limit: 10_000, by: "me", key: "open", why: null, ...more };
  }
}

const never = new AbortController().signal;
async function opened(shop: Shop): Promise<{ broker: EmbeddedBroker; desk: LetterDesk; ids: (topic: string) => Promise<string[]> }> {
  const broker = await openTestBroker(shop.plan);
  await startTestWorker(shop.plan, broker);
  const desk = new LetterDesk({ broker, plan: shop.plan, clock: Date.now });
  return { broker, desk, ids: async (topic) => (await recordsOf(broker, shop.plan, topic)).map(idOf) };
}
const report = (settled: number, more: Partial<SettleReport> = {}): SettleReport => ({
  settled,
  refused: [],
  complete: true,
  ...more,
});

test("[RD1] [RD2] a node that refused a record takes it, mended, once; those that had it do not see it again", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true }), at(2, "k", { id: "b" }), at(3, "k", { id: "c", bad: true })]);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["a", "c"]));
  expect(await desk.settle(shop.request({ dryRun: true }), never)).toEqual(report(2));
  shop.mended = true;
  expect(await desk.settle(shop.request(), never)).toEqual(report(2));
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["b", "a", "c"]));
  expect(await ids("strict")).toEqual(["a", "b", "c"]);
  expect(await ids("in")).toEqual(["a", "b", "c", "a", "c"]);
  const [redriven] = (await recordsOf(broker, shop.plan, "in")).slice(3);
  expect(JSON.parse(redriven!.headers["redrive"]!)).toEqual({
    group: "test-consumer-group",
    node: "checked",
    letIn: true,
    letter: "in.dlq/0/0",
    origin: "in/0/0",
  });
  // Time and headers are the record's own; what it causes says nothing of its way.
  expect(redriven!.at).toBe(1);
  expect((await recordsOf(broker, shop.plan, "checked")).map(({ headers }) => headers)).toEqual([{}, {}, {}]);
  expect(await desk.settle(shop.request(), never)).toEqual(report(0));
});

test("[RD1] a letter that is named again is refused with what became of it, one that is not there too", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true }), at(2, "l", { id: "b", bad: true })]);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toHaveLength(2));
  const only = ["in.dlq/0/0", "in.dlq/0/1", "in.dlq/0/77"].map((name) => parseLetterName(name)!);
  await desk.settle(shop.request({ only: [only[0]!] }), never);
  await desk.settle(shop.request({ only: [only[1]!], action: "drop", why: "made up" }), never);
  expect((await desk.settle(shop.request({ only }), never)).refused).toEqual([
    { why: "already-redriven", count: 1, first: "in.dlq/0/0" },
    { why: "already-dropped", count: 1, first: "in.dlq/0/1" },
    { why: "no-such-letter", count: 1, first: "in.dlq/0/77" },
  ]);
  const settled = await desk.settled();
  expect(only.map((place) => settled.of(place))).toMatchObject(
    [{ kind: "redriven", by: "me", key: "open", why: null }, { kind: "dropped", why: "made up" }, {}].map((one, i) =>
      i < 2 ? one : undefined,
    ) as never,
  );
  expect(await ids("in")).toEqual(["a", "b", "a"]);
});

test("[RD2] a record that was taken out of its sub-topology comes back to all of it", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "a", poison: true }), at(2, "k", { id: "b" })]);
  await vi.waitFor(async () => expect(await ids("strict")).toEqual(["b"]));
  expect(await ids("checked")).toEqual(["b"]);
  shop.mended = true;
  await desk.settle(shop.request(), never);
  await vi.waitFor(async () => expect(await ids("strict")).toEqual(["b", "a"]));
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["b", "a"]));
});

test("[RD3] what was sent again meanwhile, and counted, is not counted twice; what can no more be told from it is set aside again", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  const poisoned = [at(1, "k", { id: "a", poison: true }), at(1, "k", { id: "old", poison: true })];
  await post(broker, shop.plan, poisoned);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["a", "old"]));
  shop.mended = true;
  await post(broker, shop.plan, [poisoned[0]!]);
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["a"]));
  await desk.settle(shop.request({ only: [{ topic: "in.dlq", partition: 0, offset: 0n }] }), never);
  await post(broker, shop.plan, [at(5000, "k", { id: "new" })]);
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["a", "new"]));
  await desk.settle(shop.request(), never);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["a", "old", "old"]));
  expect((await recordsOf(broker, shop.plan, "in.dlq")).at(-1)!.headers).toMatchObject({ "dlq.reason": "late", "dlq.node": "checked" });
  expect(await ids("checked")).toEqual(["a", "new"]);
});

test("[RD3] a node lets in again what it had let in before it refused it, however old it is by now", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true }), at(9000, "k", { id: "b" })]);
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["b"]));
  shop.mended = true;
  await desk.settle(shop.request(), never);
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["b", "a"]));
});

test("[RD2] a node that reads another node is not given the record again: the other has had it", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "p1" })]);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["p1"]));
  expect((await desk.settle(shop.request(), never)).refused).toEqual([{ why: "not-at-its-topic", count: 1, first: "in.dlq/0/0" }]);
  expect(await desk.settle(shop.request({ action: "drop" }), never)).toEqual(report(1));
});

test("[RD4] letters of a key come back in their order, and none past an older one that stays", async () => {
  const shop = new Shop();
  const { broker, desk, ids } = await opened(shop);
  const things = Array.from({ length: 30 }, (_, i) =>
    at(i, `key${i % 3}`, { id: `${i % 3}.${i}`, ...(i % 6 < 3 ? { bad: true } : { poison: true }) }),
  );
  await post(broker, shop.plan, things);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toHaveLength(30));
  shop.mended = true;
  // The first letter of each key is a bad one: those that are poisoned stand behind it.
  expect(await desk.settle(shop.request({ reason: "poisoned" }), never)).toMatchObject({
    settled: 0,
    refused: [{ why: "behind-another", count: 15 }],
  });
  expect(await desk.settle(shop.request({ limit: 7 }), never)).toMatchObject({ settled: 7, complete: false });
  expect(await desk.settle(shop.request(), never)).toMatchObject({ settled: 23, complete: true });
  const back = (await recordsOf(broker, shop.plan, "in")).filter(({ headers }) => headers["redrive"] !== undefined).map(idOf);
  for (const key of ["0", "1", "2"]) {
    const its = back.filter((id) => id.startsWith(`${key}.`)).map((id) => Number(id.slice(2)));
    expect(its).toEqual(its.toSorted((a, b) => a - b));
    expect(its).toHaveLength(10);
  }
});

test("[RD5] what fails again is another letter, which can come back again", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true })]);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["a"]));
  await desk.settle(shop.request(), never);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["a", "a"]));
  shop.mended = true;
  expect(await desk.settle(shop.request(), never)).toMatchObject({ settled: 1 });
  await vi.waitFor(async () => expect(await ids("checked")).toEqual(["a"]));
  expect(JSON.parse((await recordsOf(broker, shop.plan, "in")).at(-1)!.headers["redrive"]!)).toMatchObject({
    letter: "in.dlq/0/1",
    origin: "in/0/0",
  });
});

test("[RD1] of two desks the later one goes on, and the earlier one is told; nothing is done twice", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(
    broker,
    shop.plan,
    Array.from({ length: 20 }, (_, i) => at(i, `k${i}`, { id: `${i}`, bad: true })),
  );
  await vi.waitFor(async () => expect(await ids("in.dlq")).toHaveLength(20));
  shop.mended = true;
  const other = new LetterDesk({ broker, plan: shop.plan, clock: Date.now });
  await desk.settle(shop.request({ limit: 5 }), never);
  expect(await other.settle(shop.request({ limit: 5 }), never)).toMatchObject({ settled: 5 });
  // It joins again, and reads what the other did before it does anything.
  expect(await desk.settle(shop.request(), never)).toMatchObject({ settled: 10 });
  expect((await ids("in")).toSorted()).toEqual(
    Array.from({ length: 20 }, (_, i) => [`${i}`, `${i}`])
      .flat()
      .toSorted(),
  );
});

test("[RD2] what a sink refused comes back to that sink, as the record that it was, behind what came since", async () => {
  const shop = new Shop(1);
  const { broker, ids } = await opened(shop);
  const desk = new LetterDesk({ broker, plan: shop.plan, sinkGroups: ["shop-sink-hook"], clock: Date.now });
  const given: Delivery[] = [];
  const sink: Sink = {
    limits: { records: 1, bytes: 1000, calls: 1 },
    deliver: ([record]) => {
      given.push(record!);
      return Promise.resolve([given.length === 2 ? { kind: "refused", reason: "gone" } : { kind: "delivered" }]);
    },
    close: () => Promise.resolve(),
  };
  const source = { topic: "in", partitions: 1 };
  const options = { name: "hook", group: "shop-sink-hook", member: "one", origin: "log", clock: Date.now, events: noDeliveryEvents };
  const deliverer = new Deliverer({ ...options, sink, source, broker, commitMs: 0 });
  onTestFinished(() => deliverer.stop());
  await deliverer.start();
  await post(broker, shop.plan, [at(1, "k", { id: "a" }), at(2, "k", { id: "b" }), at(3, "k", { id: "c" })]);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toEqual(["b"]));
  expect(await desk.settle(shop.request(), never)).toEqual(report(1));
  await vi.waitFor(() => expect(given).toHaveLength(4));
  expect(given.map(({ id, at: { offset }, order }) => [id, offset, order])).toEqual([
    ["log/in/0/0", 0n, 0n],
    ["log/in/0/1", 1n, 1n],
    ["log/in/0/2", 2n, 2n],
    ["log/in/0/1", 3n, 1n],
  ]);
  expect(given[3]!.headers).toEqual(given[1]!.headers);
  expect(await ids("strict")).toEqual(["a", "b", "c"]);
});

test("[RD6] filters take node, reason and time; what is dropped is recorded with who, when and why", async () => {
  const shop = new Shop(1);
  const { broker, desk, ids } = await opened(shop);
  await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true }), at(2, "l", { id: "b", poison: true })]);
  await vi.waitFor(async () => expect(await ids("in.dlq")).toHaveLength(2));
  const drop = (more: Partial<SettleRequest>): Promise<SettleReport> =>
    desk.settle(shop.request({ action: "drop", dryRun: true, ...more }), never);
  expect(await drop({ node: "checked" })).toEqual(report(1));
  expect(await drop({ reason: "poisoned" })).toEqual(report(1));
  expect(await drop({ reason: "poisoned", node: "checked" })).toEqual(report(0));
  expect(await drop({ toMs: Date.now() - 60_000 })).toEqual(report(0));
  expect(await drop({ fromMs: Date.now() - 60_000 })).toEqual(report(2));
  expect(await drop({ topics: [] })).toEqual(report(0));
  const before = Date.now();
  await desk.settle(shop.request({ action: "drop", reason: "poisoned", by: "ann", key: "MILLRACE_KEY", why: "a test order" }), never);
  const settlement = (await desk.settled()).of({ topic: "in.dlq", partition: 0, offset: 1n })!;
  expect(settlement).toMatchObject({ kind: "dropped", by: "ann", key: "MILLRACE_KEY", why: "a test order" });
  expect(settlement.atMs).toBeGreaterThanOrEqual(before);
  expect(await ids("in")).toEqual(["a", "b"]);
});
