import { describe, expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { Lane, type LaneRecord } from "./lane.ts";
import type { DeliveryResult, SinkLimits } from "./sink.ts";

const limits: SinkLimits = { records: 100, bytes: 1_000_000, calls: 4 };
const retry = { attempts: 3, baseMs: 100, maxMs: 1000 };
const delivered: DeliveryResult = { kind: "delivered" };
const later: DeliveryResult = { kind: "retry", reason: "busy" };

const record = (offset: number, key: string | null, bytes = 10): LaneRecord => {
  const at = { topic: "t", partition: 0, offset: BigInt(offset) };
  return { delivery: { id: `t/0/${offset}`, at, order: at.offset, timestamp: offset, key, value: null, headers: [] }, bytes };
};

function laneOf(keys: readonly (string | null)[], options: { limits?: Partial<SinkLimits>; lastDeliveredMs?: () => number } = {}): Lane {
  const { lastDeliveredMs = () => -1 } = options;
  const lane = new Lane(0n, { limits: { ...limits, ...options.limits }, retry, random: () => 0, lastDeliveredMs });
  lane.offer(
    keys.map((key, i) => record(i, key)),
    BigInt(keys.length),
  );
  return lane;
}

const offsets = (call: { batch: readonly { at: { offset: bigint } }[] } | undefined): number[] =>
  (call?.batch ?? []).map(({ at }) => Number(at.offset));

describe("lane", () => {
  test("[D1] a call has each key once, and the next record of a key comes when the one before it is settled", () => {
    const lane = laneOf(["a", "b", "a", "a"]);
    const first = lane.take(0)!;
    expect(offsets(first)).toEqual([0, 1]);
    expect(lane.take(0)).toBeUndefined();
    lane.settle(first, [delivered, delivered], 0);
    const second = lane.take(0)!;
    expect(offsets(second)).toEqual([2]);
    lane.settle(second, [delivered], 0);
    expect(offsets(lane.take(0))).toEqual([3]);
  });

  test("[D1] records without a key wait for nobody", () => {
    expect(offsets(laneOf([null, null, null]).take(0))).toEqual([0, 1, 2]);
  });

  test("[D2] what is tried again holds back its key and nobody else", () => {
    const lane = laneOf(["a", "b", "a", "b"]);
    lane.settle(lane.take(0)!, [later, delivered], 0);
    const second = lane.take(1)!;
    expect(offsets(second)).toEqual([3]);
    lane.settle(second, [delivered], 1);
    expect(lane.take(99)).toBeUndefined();
    expect(lane.dueInMs(40)).toBe(60);
    const again = lane.take(100)!;
    expect([offsets(again), again.batch[0]!.attempt]).toEqual([[0], 1]);
  });

  test("[D2] it waits longer each time, and as long as the other side asks", () => {
    const lane = laneOf(["a"]);
    const waits: number[] = [];
    let now = 0;
    for (const afterMs of [undefined, undefined, undefined, 5000]) {
      lane.settle(lane.take(now)!, [{ kind: "retry", reason: "busy", ...(afterMs === undefined ? {} : { afterMs }) }], now);
      waits.push(lane.dueInMs(now));
      now += lane.dueInMs(now);
    }
    expect(waits).toEqual([100, 200, 400, 5000]);
  });

  test("[D3] the position never passes what is not settled", () => {
    const lane = laneOf(["a", "b", "c"]);
    lane.settle(lane.take(0)!, [delivered, later, delivered], 0);
    expect([lane.position, lane.unsettled]).toEqual([1n, 1]);
    lane.settle(lane.take(100)!, [delivered], 100);
    expect([lane.position, lane.unsettled]).toEqual([3n, 0]);
  });

  test("[D4] what is refused leaves with reason and answer, and its key goes on", () => {
    const lane = laneOf(["a", "a"]);
    const refused = lane.settle(lane.take(0)!, [{ kind: "refused", reason: "http-422", answer: "no such field" }], 0);
    expect(refused).toMatchObject([{ reason: "http-422", answer: "no such field", attempts: 1, record: { delivery: { id: "t/0/0" } } }]);
    expect(offsets(lane.take(0))).toEqual([1]);
  });

  test("[D5] a record is given up behind its attempts when others were delivered during each of them", () => {
    let last = -1;
    const lane = laneOf(["a"], { lastDeliveredMs: () => last });
    const attempt = (now: number): unknown => {
      const call = lane.take(now)!;
      last = now;
      return lane.settle(call, [later], now + 1);
    };
    expect([attempt(0), attempt(1000)]).toEqual([[], []]);
    expect(attempt(3000)).toMatchObject([{ reason: "attempts-exhausted", answer: "busy", attempts: 3 }]);
    expect(lane.position).toBe(1n);
  });

  test("[D5] attempts of an outage do not count when it is over", () => {
    let last = -1;
    const lane = laneOf(["a"], { lastDeliveredMs: () => last });
    for (let now = 0; now < 50_000; now += 5000) lane.settle(lane.take(now)!, [later], now);
    const call = lane.take(60_000)!;
    last = 60_000;
    expect(lane.settle(call, [later], 60_001)).toEqual([]);
    expect(lane.unsettled).toBe(1);
  });

  test("[D5] while nothing is delivered at all, nothing is given up, however long it lasts", () => {
    const lane = laneOf(["a"]);
    for (let now = 0; now < 100_000; now += 1000) expect(lane.settle(lane.take(now)!, [later], now)).toEqual([]);
    expect(lane.unsettled).toBe(1);
  });

  test("[D5] what was not answered may have arrived: it is tried on where an answer would have given it up, and delivered once there is one", () => {
    const lane = laneOf(["a"], { lastDeliveredMs: () => Infinity });
    const unanswered: DeliveryResult = { kind: "retry", reason: "no answer within 250 ms", unanswered: true };
    let now = 0;
    for (const result of [later, unanswered, unanswered, unanswered]) {
      expect(lane.settle(lane.take(now)!, [result], now)).toEqual([]);
      now += lane.dueInMs(now);
    }
    expect(lane.settle(lane.take(now)!, [delivered], now)).toEqual([]);
    expect([lane.position, lane.unsettled]).toEqual([1n, 0]);
  });

  test("[D5] what is never answered is given up behind four times as many attempts, and the letter says that it may have arrived", () => {
    const lane = laneOf(["a"], { lastDeliveredMs: () => Infinity });
    let refused: ReturnType<Lane["settle"]> = [];
    let now = 0;
    for (let tried = 1; tried <= 12; tried++) {
      expect(refused).toEqual([]);
      refused = lane.settle(lane.take(now)!, [{ kind: "retry", reason: "no answer", unanswered: true }], now);
      now += Number.isFinite(lane.dueInMs(now)) ? lane.dueInMs(now) : 0;
    }
    expect(refused).toMatchObject([{ reason: "attempts-unanswered", answer: "no answer", attempts: 12 }]);
  });

  test("[D1] a call keeps to the sink's records and bytes; a record that is larger goes alone", () => {
    const lane = new Lane(0n, { limits: { records: 2, bytes: 25, calls: 9 }, retry, random: () => 0, lastDeliveredMs: () => -1 });
    lane.offer([record(0, "a", 99), record(1, "b", 10), record(2, "c", 10), record(3, "d", 20), record(4, "e", 10)], 5n);
    const calls: number[][] = [];
    for (let call = lane.take(0); call !== undefined; call = lane.take(0)) calls.push(offsets(call));
    expect(calls).toEqual([[0], [1, 2], [3], [4]]);
  });

  test("[D1] no more calls at once than the sink takes", () => {
    const lane = laneOf(["a", "b", "c"], { limits: { records: 1, calls: 2 } });
    const first = lane.take(0)!;
    expect([offsets(first), offsets(lane.take(0)), lane.take(0)]).toEqual([[0], [1], undefined]);
    lane.settle(first, [delivered], 0);
    expect(offsets(lane.take(0))).toEqual([2]);
  });

  test("[D1] results that are not one a record are a bug of the sink's, and settle nothing", () => {
    const lane = laneOf(["a", "b"]);
    expect(() => lane.settle(lane.take(0)!, [delivered], 0)).toThrow(RangeError);
    expect(lane.position).toBe(0n);
  });

  test("[D1][D3] whatever is answered, whenever: each key arrives in order, nothing is lost, the position tells the truth", () => {
    const random = seededRandom("lane");
    const below = (bound: number): number => Math.floor(random() * bound);
    for (let round = 0; round < 50; round++) {
      const count = 1 + below(300);
      const keys = Array.from({ length: count }, () => (below(10) === 0 ? null : `k${below(1 + below(20))}`));
      const sunk = new Map<string, number[]>();
      const settled = new Set<number>();
      let now = 0;
      let last = -1;
      const lane = new Lane(0n, {
        limits: { records: 1 + below(20), bytes: 10 + below(200), calls: 1 + below(4) },
        retry,
        random,
        lastDeliveredMs: () => last,
      });
      const under: NonNullable<ReturnType<Lane["take"]>>[] = [];
      let offered = 0;
      for (let turns = 0; settled.size < count; turns++) {
        expect(turns).toBeLessThan(100_000);
        now += below(60);
        if (offered < count && below(3) === 0) {
          const to = Math.min(count, offered + 1 + below(50));
          lane.offer(
            keys.slice(offered, to).map((key, i) => record(offered + i, key)),
            BigInt(to),
          );
          offered = to;
        }
        const call = lane.take(now);
        if (call !== undefined) under.push(call);
        if (under.length > 0 && below(2) === 0) {
          const [done] = under.splice(below(under.length), 1);
          const results = done!.batch.map(({ key, at }): DeliveryResult => {
            const kind = below(10);
            if (kind < 3) return later;
            const offset = Number(at.offset);
            settled.add(offset);
            if (kind === 3) return { kind: "refused", reason: "no" };
            last = now;
            if (key !== null) sunk.set(key, [...(sunk.get(key) ?? []), offset]);
            return delivered;
          });
          const given = lane.settle(done!, results, now);
          for (const { record: one } of given) settled.add(Number(one.delivery.at.offset));
        }
        const unsettled = Array.from({ length: offered }, (_, i) => i).find((i) => !settled.has(i));
        expect(lane.position).toBe(BigInt(unsettled ?? offered));
      }
      for (const arrived of sunk.values()) expect(arrived).toEqual(arrived.toSorted((a, b) => a - b));
      expect(lane.unsettled).toBe(0);
    }
  });
});
