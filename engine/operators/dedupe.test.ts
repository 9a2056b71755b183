import { describe, expect } from "vitest";
import { windowStore, type WindowStore } from "#state/store.ts";
import { everyWay, type Outcome, type TestInput } from "#testing/every-way.ts";
import { nodePlan, twoTaskPlan } from "#testing/test-plan.ts";
import { dedupe, seenCodec, type DedupeSpec } from "./dedupe.ts";
import { chainNode, type BoundProcessor } from "./node.ts";
import { mapRecord } from "./stateless.ts";

const unique = (more: Partial<DedupeSpec<string | null>> = {}): BoundProcessor =>
  chainNode("unique", { seen: windowStore(seenCodec) }, ({ seen }) => [
    dedupe<string | null>(seen as WindowStore<number>, { by: (id) => id, withinMs: 10, ...more }) as never,
  ]);
const at = (time: number, id: string | null, key = "k"): TestInput => ({ to: "in", key, value: id, at: time });
const passed = ({ out }: Outcome): unknown[] => out("out").map(({ value, at: time }) => `${String(value)}@${time}`);

describe("dedupe", () => {
  everyWay("[A4] the first of each id passes, another at most `within` later is a duplicate", {
    plan: nodePlan(unique()),
    steps: [at(0, "a"), at(0, "a"), at(3, "b"), at(10, "a"), at(13, "b")],
    check: (outcome) => {
      expect(passed(outcome)).toEqual(["a@0", "b@3"]);
      expect(outcome.counts["node"]).toMatchObject({ in: 5, emitted: 2, dropped: { duplicate: 3 } });
    },
  });

  everyWay("[A4] one more than `within` later passes, wherever segments of memory begin", {
    plan: nodePlan(unique()),
    steps: [at(0, "a"), at(5, "b"), at(11, "a"), at(15, "b"), at(16, "b"), at(21, "a"), at(22, "a"), at(26, "b"), at(27, "b")],
    check: (outcome) => expect(passed(outcome)).toEqual(["a@0", "b@5", "a@11", "b@16", "a@22", "b@27"]),
  });

  everyWay("[A4] a duplicate that comes out of order is one as well, earlier or later than the first", {
    plan: nodePlan(unique()),
    steps: [at(5, "a"), at(21, "x"), at(15, "a"), at(20, "b"), at(11, "b"), at(30, "x"), at(20, "c"), at(29, "c")],
    beforehand: true,
    check: (outcome) => expect(passed(outcome)).toEqual(["a@5", "x@21", "b@20", "c@20"]),
  });

  everyWay("[A4] older than stream time − `within` is late, not one ms earlier", {
    plan: nodePlan(unique()),
    steps: [at(100, "a"), at(90, "b"), at(89, "c")],
    beforehand: true,
    check: (outcome) => {
      expect(passed(outcome)).toEqual(["a@100", "b@90"]);
      expect(outcome.counts["node"]!.dropped).toEqual({ late: 1 });
    },
  });

  everyWay("[A4] [R2] what is late leaves by the dead letters where that was chosen", {
    plan: nodePlan(unique({ late: "dead-letter" })),
    steps: [at(100, "a"), at(89, "b")],
    beforehand: true,
    check: ({ out, counts }) => {
      expect(out("in.dlq")).toMatchObject([{ key: "k", at: 89, value: "b", headers: { "dlq.reason": "late", "dlq.node": "node" } }]);
      expect(counts["node"]).toMatchObject({ in: 2, emitted: 1, deadLettered: 1, dropped: {} });
    },
  });

  everyWay("[A4] a record without id is dropped", {
    plan: nodePlan(unique()),
    steps: [at(1, null)],
    check: ({ counts }) => expect(counts["node"]!.dropped).toEqual({ "null-id": 1 }),
  });

  everyWay("[A4] ids are forgotten: the store holds no more than three times `within`", {
    plan: nodePlan(unique()),
    steps: Array.from({ length: 40 }, (_, i) => at(i * 5, `id-${i}`)),
    check: ({ stores }) => expect(stores["node.seen"]!.length).toBeLessThanOrEqual(6),
  });
});

describe("dedupe behind a repartition", () => {
  const rekey = chainNode("rekey", {}, () => [mapRecord<string, string>((value) => ({ key: "one", value })) as never]);
  // Keys lie on partitions of their own; a slice is 20 ms of some and 100 ms of others.
  everyWay("[M5] nothing is late by the time of another partition", {
    plan: (partitions) => twoTaskPlan(rekey, unique(), partitions),
    steps: ["a", "b", "c", "d", "e"]
      .flatMap((key, n) => Array.from({ length: 60 / (n + 1) }, (_, i) => at(i * 20 * (n + 1), `${key}${i}`, key)))
      .sort((a, b) => a.at - b.at),
    notCompared: ["second.seen"],
    check: ({ counts }) => expect(counts["second"]).toMatchObject({ in: 137, emitted: 137, dropped: {} }),
  });
});
