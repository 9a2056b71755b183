import { describe, expect } from "vitest";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import { everyWay, type Outcome, type TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { nodePlan, twoTaskPlan } from "#testing/test-plan.ts";
import { aggregateByKey, reduceByKey, type Aggregator } from "./aggregate.ts";
import { chainNode, type BoundProcessor } from "./node.ts";
import { mapRecord } from "./stateless.ts";
import { timestamped, type Timestamped } from "./timestamped.ts";

const sums = (more: Partial<Aggregator<number, number>> = {}): BoundProcessor =>
  chainNode("sums", { sums: keyValueStore(timestamped(jsonCodec)) }, (stores) => [
    aggregateByKey<number, number>(stores["sums"] as KeyValueStore<Timestamped<number>>, {
      init: () => 0,
      add: (sum, value) => sum + value,
      ...more,
    }) as never,
  ]);
const at = (time: number, value: unknown, key: string | null = "k"): TestInput => ({ to: "in", key, value, at: time });
const written = ({ out }: Outcome): unknown[] => out("out").map(({ key, value, at: time }) => `${String(key)}=${String(value)}@${time}`);

describe("aggregation by key", () => {
  everyWay("[W5] sends every update, with the greatest timestamp of the records in it", {
    plan: (partitions) => nodePlan(sums(), partitions),
    steps: [at(5, 1, "a"), at(3, 2, "a"), at(4, 7, "f"), at(9, 3, "a")],
    beforehand: true,
    check: (outcome) => {
      expect(written(outcome).filter((one) => String(one).startsWith("a"))).toEqual(["a=1@5", "a=3@5", "a=6@9"]);
      expect(written(outcome)).toContain("f=7@4");
      expect(outcome.counts["node"]).toMatchObject({ in: 4, emitted: 4, out: 4 });
    },
  });

  everyWay("[A1] drops and counts records without key and null values", {
    plan: nodePlan(sums()),
    steps: [at(1, 1), at(2, 1, null), at(3, null), at(4, null, null)],
    check: (outcome) => {
      expect(written(outcome)).toEqual(["k=1@1"]);
      expect(outcome.counts["node"]).toMatchObject({ in: 4, emitted: 1, dropped: { "null-key": 2, "null-value": 1 } });
    },
  });

  everyWay("[A2] `reduce` takes the first value as it is", {
    plan: nodePlan(
      chainNode("max", { max: keyValueStore(timestamped(jsonCodec)) }, ({ max }) => [
        reduceByKey(max as KeyValueStore<Timestamped<number>>, (a, b) => Math.max(a, b)) as never,
      ]),
    ),
    steps: [at(1, -5), at(2, -9), at(3, -1)],
    check: (outcome) => expect(written(outcome)).toEqual(["k=-5@1", "k=-5@2", "k=-1@3"]),
  });

  everyWay("an aggregate that becomes nothing is deleted, and begins anew, its time too", {
    plan: nodePlan(sums({ add: (sum, value) => (value === 0 ? null : sum + value) })),
    steps: [at(5, 2), at(6, 0), at(1, 3)],
    beforehand: true,
    check: (outcome) => {
      expect(written(outcome)).toEqual(["k=2@5", "k=null@6", "k=3@1"]);
      expect(outcome.stores["node.sums"]).toEqual(['["k",{"timestamp":1,"value":3}]']);
    },
  });

  everyWay("[T7] many keys fold, leave memory and come back", {
    plan: (partitions) => nodePlan(sums(), partitions),
    steps: Array.from({ length: 120 }, (_, i) => at(i, 1, `key-${(i * 7) % 23}`)),
    check: ({ stores }) => {
      expect(stores["node.sums"]).toHaveLength(23);
      expect(stores["node.sums"]!.reduce((sum, entry) => sum + (JSON.parse(entry) as [string, { value: number }])[1].value, 0)).toBe(120);
    },
  });

  const rekey = chainNode("rekey", {}, () => [mapRecord((value: number) => ({ key: `k${value % 3}`, value })) as never]);
  everyWay("[A6] [T7] behind a repartition a key's records meet, wherever they came from", {
    plan: twoTaskPlan(rekey, sums(), 3),
    steps: Array.from({ length: 60 }, (_, i) => at(i, i, `in-${i % 7}`)),
    beforehand: false,
    check: ({ stores }) =>
      expect(stores["second.sums"]).toEqual([
        '["k0",{"timestamp":57,"value":570}]',
        '["k1",{"timestamp":58,"value":590}]',
        '["k2",{"timestamp":59,"value":610}]',
      ]),
  });
});
