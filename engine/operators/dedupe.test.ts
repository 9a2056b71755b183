import { describe, expect } from "vitest";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import { everyWay, type TestInput } from "#testing/every-way.ts";
import { nodePlan } from "#testing/test-plan.ts";
import { dedupe, seenCodec } from "./dedupe.ts";

const unique = (): BoundProcessor =>
  chainNode("unique", { seen: windowStore(seenCodec) }, ({ seen }) => [
    dedupe<unknown>(seen as WindowStore<never>, { by: (value) => value as string | null, withinMs: 10 }) as never,
  ]);
const at = (time: number, id: string | null): TestInput => ({ to: "in", key: "k", value: id, at: time });

describe("dedupe", () => {
  everyWay("[A4] the first of each id passes, others are duplicates", {
    plan: nodePlan(unique()),
    steps: [at(0, "a"), at(0, "a"), at(3, "b"), at(10, "a"), at(10, "b")],
    check: ({ out, counts }) => {
      expect(out("out").map(({ value, at: time }) => [value, time])).toEqual([
        ["a", 0],
        ["b", 3],
      ]);
      expect(counts["node"]).toMatchObject({ in: 5, emitted: 2, dropped: { duplicate: 3 } });
    },
  });
});
