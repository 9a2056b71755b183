import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Broker } from "#broker/broker.ts";
import type { StateStorage } from "#state/task-state.ts";
import { noDeliveryEvents } from "#delivery/delivery-events.ts";
import { Deliverer } from "#delivery/deliverer.ts";
import { LetterDesk, type LetterDeskOptions } from "#delivery/letter-desk.ts";
import { letterName, type LetterPlace } from "#delivery/letter-place.ts";
import type { SettleReport, SettleRequest } from "#delivery/letter-request.ts";
import { readLetters } from "#delivery/read-letters.ts";
import type { Delivery, Sink } from "#delivery/sink.ts";
import { at, idOf, Shop } from "./letter-shop.ts";
import { post, recordsOf, startWorkerOn } from "./worker-bench.ts";

/** A log on which letters are settled; closed when the test ends. */
export type LetterGround = {
  readonly broker: Broker;
  readonly storage: StateStorage;
  /** The same log as another process has it; where only one can, as this one has it. */
  readonly elsewhere: () => Broker;
};

const never = new AbortController().signal;
const soon = (holds: () => Promise<void> | void): Promise<void> => vi.waitFor(holds, { timeout: 20_000, interval: 20 });
const report = (settled: number, more: Partial<SettleReport> = {}): SettleReport => ({ settled, refused: [], complete: true, ...more });

/** The letters of `in`, as they lie: on some logs there are gaps between their offsets. */
async function places(broker: Broker): Promise<LetterPlace[]> {
  const found: LetterPlace[] = [];
  for await (const { place } of readLetters(broker, { topic: "in.dlq", partition: 0, from: -1n })) found.push(place);
  return found;
}

/** The same log behind a change of leader: what its journal holds is shown only when it was asked for so many times. */
function lateJournal(broker: Broker, times: number): Broker {
  let asked = 0;
  return {
    ensureTopics: (specs) => broker.ensureTopics(specs),
    append: (batches) => broker.append(batches),
    join: (spec, hooks) => broker.join(spec, hooks),
    committed: (group, tasks, signal) => broker.committed(group, tasks, signal),
    commit: (commit) => broker.commit(commit),
    fetch: async (positions, limits) => {
      const fetched = await broker.fetch(positions, limits);
      if (!positions.some(({ topic }) => topic === "test-letters") || ++asked > times) return fetched;
      return fetched.slice(0, 1).map((batch) => ({ ...batch, count: 0, next: 0n, end: 0n }));
    },
    close: () => broker.close(),
  };
}

/** What settling letters promises, on whatever log. [RD1–RD6] */
export function testLetterDesk(name: string, open: (shop: Shop) => Promise<LetterGround>): void {
  const opened = async (shop: Shop): Promise<Opened> => {
    const { broker, storage, elsewhere } = await open(shop);
    await startWorkerOn({ plan: shop.plan, broker, storage });
    const deskOn = (log: Broker, more: Partial<LetterDeskOptions> = {}): LetterDesk => {
      const desk = new LetterDesk({ broker: log, plan: shop.plan, clock: Date.now, ...more });
      onTestFinished(() => desk.close());
      return desk;
    };
    return {
      broker,
      desk: deskOn(broker),
      ids: async (topic) => (await recordsOf(broker, shop.plan, topic)).map(idOf),
      openDesk: (more) => deskOn(elsewhere(), more),
    };
  };

  describe(name, () => {
    test("[RD1] [RD2] a node that refused a record takes it, mended, once; those that had it do not see it again", async () => {
      const shop = new Shop(1);
      const { broker, desk, ids } = await opened(shop);
      await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true }), at(2, "k", { id: "b" }), at(3, "k", { id: "c", bad: true })]);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["a", "c"]));
      const letters = (await places(broker)).map(letterName);
      expect(await desk.settle(shop.request({ dryRun: true }), never)).toEqual(report(2));
      shop.mended = true;
      expect(await desk.settle(shop.request(), never)).toEqual(report(2));
      await soon(async () => expect(await ids("checked")).toEqual(["b", "a", "c"]));
      expect(await ids("strict")).toEqual(["a", "b", "c"]);
      expect(await ids("in")).toEqual(["a", "b", "c", "a", "c"]);
      const [redriven] = (await recordsOf(broker, shop.plan, "in")).slice(3);
      expect(JSON.parse(redriven!.headers["redrive"]!)).toEqual({
        group: "test-consumer-group",
        node: "checked",
        letIn: true,
        letter: letters[0],
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
      await soon(async () => expect(await ids("in.dlq")).toHaveLength(2));
      const only = [...(await places(broker)), { topic: "in.dlq", partition: 0, offset: 77n }];
      const [first, second] = only.map(letterName);
      await desk.settle(shop.request({ only: [only[0]!] }), never);
      await desk.settle(shop.request({ only: [only[1]!], action: "drop", why: "made up" }), never);
      expect((await desk.settle(shop.request({ only }), never)).refused).toEqual([
        { why: "already-redriven", count: 1, first },
        { why: "already-dropped", count: 1, first: second },
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
      await soon(async () => expect(await ids("strict")).toEqual(["b"]));
      expect(await ids("checked")).toEqual(["b"]);
      shop.mended = true;
      await desk.settle(shop.request(), never);
      await soon(async () => expect(await ids("strict")).toEqual(["b", "a"]));
      await soon(async () => expect(await ids("checked")).toEqual(["b", "a"]));
    });

    test("[RD3] what was sent again meanwhile, and counted, is not counted twice; what can no more be told from it is set aside again", async () => {
      const shop = new Shop(1);
      const { broker, desk, ids } = await opened(shop);
      const poisoned = [at(1, "k", { id: "a", poison: true }), at(1, "k", { id: "old", poison: true })];
      await post(broker, shop.plan, poisoned);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["a", "old"]));
      shop.mended = true;
      await post(broker, shop.plan, [poisoned[0]!]);
      await soon(async () => expect(await ids("checked")).toEqual(["a"]));
      await desk.settle(shop.request({ only: [(await places(broker))[0]!] }), never);
      await post(broker, shop.plan, [at(5000, "k", { id: "new" })]);
      await soon(async () => expect(await ids("checked")).toEqual(["a", "new"]));
      await desk.settle(shop.request(), never);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["a", "old", "old"]));
      expect((await recordsOf(broker, shop.plan, "in.dlq")).at(-1)!.headers).toMatchObject({ "dlq.reason": "late", "dlq.node": "checked" });
      expect(await ids("checked")).toEqual(["a", "new"]);
    });

    test("[RD3] a node lets in again what it had let in before it refused it, however old it is by now", async () => {
      const shop = new Shop(1);
      const { broker, desk, ids } = await opened(shop);
      await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true }), at(9000, "k", { id: "b" })]);
      await soon(async () => expect(await ids("checked")).toEqual(["b"]));
      shop.mended = true;
      await desk.settle(shop.request(), never);
      await soon(async () => expect(await ids("checked")).toEqual(["b", "a"]));
    });

    test("[RD2] a node that reads another node is not given the record again: the other has had it", async () => {
      const shop = new Shop(1);
      const { broker, desk, ids } = await opened(shop);
      await post(broker, shop.plan, [at(1, "k", { id: "p1" })]);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["p1"]));
      expect((await desk.settle(shop.request(), never)).refused).toEqual([
        { why: "not-at-its-topic", count: 1, first: letterName((await places(broker))[0]!) },
      ]);
      expect(await desk.settle(shop.request({ action: "drop" }), never)).toEqual(report(1));
    });

    test("[RD4] letters of a key come back in their order, and none past an older one that stays", async () => {
      const shop = new Shop();
      const { broker, desk, ids } = await opened(shop);
      const things = Array.from({ length: 30 }, (_, i) =>
        at(i, `key${i % 3}`, { id: `${i % 3}.${i}`, ...(i % 6 < 3 ? { bad: true } : { poison: true }) }),
      );
      await post(broker, shop.plan, things);
      await soon(async () => expect(await ids("in.dlq")).toHaveLength(30));
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
      await soon(async () => expect(await ids("in.dlq")).toEqual(["a"]));
      await desk.settle(shop.request(), never);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["a", "a"]));
      shop.mended = true;
      expect(await desk.settle(shop.request(), never)).toMatchObject({ settled: 1 });
      await soon(async () => expect(await ids("checked")).toEqual(["a"]));
      expect(JSON.parse((await recordsOf(broker, shop.plan, "in")).at(-1)!.headers["redrive"]!)).toMatchObject({
        letter: letterName((await places(broker))[1]!),
        origin: "in/0/0",
      });
    });

    test("[RD1] of two desks the later one goes on, and the earlier one behind it; nothing is done twice", async () => {
      const shop = new Shop(1);
      const { broker, desk, ids, openDesk } = await opened(shop);
      await post(
        broker,
        shop.plan,
        Array.from({ length: 20 }, (_, i) => at(i, `k${i}`, { id: `${i}`, bad: true })),
      );
      await soon(async () => expect(await ids("in.dlq")).toHaveLength(20));
      shop.mended = true;
      const other = openDesk();
      await desk.settle(shop.request({ limit: 5 }), never);
      expect(await other.settle(shop.request({ limit: 5 }), never)).toMatchObject({ settled: 5 });
      // It joins again, and reads what the other did before it does anything.
      expect(await desk.settle(shop.request(), never)).toMatchObject({ settled: 10 });
      const twice = Array.from({ length: 20 }, (_, i) => [`${i}`, `${i}`]).flat();
      await soon(async () => expect((await ids("in")).toSorted()).toEqual(twice.toSorted()));
      expect(await other.settle(shop.request(), never)).toEqual(report(0));
    });

    test("[RD1] [RD4] two desks at once settle each letter once, in the order of its key, and tell who did how many", async () => {
      const shop = new Shop();
      const { broker, desk, ids, openDesk } = await opened(shop);
      const count = 120;
      await post(
        broker,
        shop.plan,
        Array.from({ length: count }, (_, i) => at(i, `k${i % 5}`, { id: `${i}`, bad: true })),
      );
      await soon(async () => expect(await ids("in.dlq")).toHaveLength(count));
      shop.mended = true;
      const all = async (rival: LetterDesk): Promise<number> => {
        let settled = 0;
        for (let complete = false; !complete;) {
          const done = await rival.settle(shop.request({ limit: 30 }), never);
          settled += done.settled;
          ({ complete } = done);
        }
        return settled;
      };
      const other = openDesk();
      const [mine, others] = await Promise.all([all(desk), all(other)]);
      expect(mine + others).toBe(count);
      const back = async (): Promise<string[]> =>
        (await recordsOf(broker, shop.plan, "in")).filter(({ headers }) => headers["redrive"] !== undefined).map(idOf);
      await soon(async () =>
        expect((await back()).map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i)),
      );
      const came = (await back()).map(Number);
      for (let key = 0; key < 5; key++) {
        const its = came.filter((id) => id % 5 === key);
        expect(its).toEqual(its.toSorted((a, b) => a - b));
      }
      await soon(async () => expect(await ids("checked")).toHaveLength(count));
    });

    test("[RD1] nothing is settled before the log shows what was settled last, be it late", async () => {
      const shop = new Shop(1);
      const { broker, desk, ids } = await opened(shop);
      await post(broker, shop.plan, [at(1, "k", { id: "a", bad: true })]);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["a"]));
      shop.mended = true;
      expect(await desk.settle(shop.request(), never)).toEqual(report(1));
      const behind = new LetterDesk({ broker: lateJournal(broker, 5), plan: shop.plan, clock: Date.now });
      onTestFinished(() => behind.close());
      expect(await behind.settle(shop.request(), never)).toEqual(report(0));
      expect(await ids("in")).toEqual(["a", "a"]);
    });

    test("[RD3] what is too old for a log that keeps records by their own times is not put back, where it would be gone again", async () => {
      const shop = new Shop(1);
      const { broker, ids, openDesk } = await opened(shop);
      const kept = { name: "in", partitions: 1, retention: { kind: "time", ms: 60_000 } } as const;
      const desk = openDesk({ keptByTime: [kept] });
      const now = Date.now();
      await post(broker, shop.plan, [at(now - 70_000, "k", { id: "old", bad: true }), at(now, "l", { id: "young", bad: true })]);
      await soon(async () => expect(await ids("in.dlq")).toEqual(["old", "young"]));
      shop.mended = true;
      const [old] = (await places(broker)).map(letterName);
      expect(await desk.settle(shop.request(), never)).toEqual(report(1, { refused: [{ why: "past-retention", count: 1, first: old! }] }));
      await soon(async () => expect(await ids("checked")).toEqual(["young"]));
      expect(await desk.settle(shop.request({ action: "drop", why: "too old" }), never)).toEqual(report(1));
    });

    test("[RD2] what a sink refused comes back to that sink, as the record that it was, behind what came since", async () => {
      const shop = new Shop(1);
      const { broker, ids, openDesk } = await opened(shop);
      const desk = openDesk({ sinkGroups: ["shop-sink-hook"] });
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
      await soon(async () => expect(await ids("in.dlq")).toEqual(["b"]));
      expect(await desk.settle(shop.request(), never)).toEqual(report(1));
      await soon(() => expect(given).toHaveLength(4));
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
      // Some logs know when they took a record, others go by its own time.
      const now = Date.now();
      await post(broker, shop.plan, [at(now, "k", { id: "a", bad: true }), at(now, "l", { id: "b", poison: true })]);
      await soon(async () => expect(await ids("in.dlq")).toHaveLength(2));
      const drop = (more: Partial<SettleRequest>): Promise<SettleReport> =>
        desk.settle(shop.request({ action: "drop", dryRun: true, ...more }), never);
      expect(await drop({ node: "checked" })).toEqual(report(1));
      expect(await drop({ reason: "poisoned" })).toEqual(report(1));
      expect(await drop({ reason: "poisoned", node: "checked" })).toEqual(report(0));
      expect(await drop({ toMs: now - 60_000 })).toEqual(report(0));
      expect(await drop({ fromMs: now - 60_000 })).toEqual(report(2));
      expect(await drop({ topics: [] })).toEqual(report(0));
      const before = Date.now();
      await desk.settle(shop.request({ action: "drop", reason: "poisoned", by: "ann", key: "MILLRACE_KEY", why: "a test order" }), never);
      const settlement = (await desk.settled()).of((await places(broker))[1]!)!;
      expect(settlement).toMatchObject({ kind: "dropped", by: "ann", key: "MILLRACE_KEY", why: "a test order" });
      expect(settlement.atMs).toBeGreaterThanOrEqual(before);
      expect(await ids("in")).toEqual(["a", "b"]);
    });
  });
}

type Opened = {
  readonly broker: Broker;
  readonly desk: LetterDesk;
  readonly ids: (topic: string) => Promise<string[]>;
  readonly openDesk: (more?: Partial<LetterDeskOptions>) => LetterDesk;
};
