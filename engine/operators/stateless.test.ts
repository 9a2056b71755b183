import { describe, expect } from "vitest";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import { everyWay, type Outcome, type TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { nodePlan, testPlan } from "#testing/test-plan.ts";
import { branchNode } from "./branch.ts";
import { chainNode, type BoundProcessor } from "./node.ts";
import { dropNull, filterChange, filterValue, flatMapRecord, flatMapValue, mapRecord, mapValue, requireValue } from "./stateless.ts";
import { asTable, upsert } from "./table.ts";

const chain = (...steps: readonly unknown[]): BoundProcessor => chainNode("chain", {}, () => steps as never);
const at = (time: number, value: unknown, key: string | null = "k", to = "in"): TestInput => ({ to, key, value, at: time });
const written = (topic: string, { out }: Outcome): string[] =>
  out(topic).map(({ key, value, at: time }) => `${String(key)}=${String(value)}@${time}`);

describe("operators without stores", () => {
  everyWay("[T3] map keeps key and time, mapRecord time", {
    plan: nodePlan(
      chain(
        mapValue((n: number) => n + 1),
        mapRecord((n: number, { key }) => ({ key: `${String(key)}${n}`, value: n })),
      ),
    ),
    steps: [at(1, 1), at(2, 5, "j")],
    check: (outcome) => expect(written("out", outcome)).toEqual(["k2=2@1", "j6=6@2"]),
  });

  everyWay("[T8] filter, flatMap, dropNull and require give each record one fate", {
    plan: nodePlan(
      chain(
        dropNull<number>(),
        filterValue((n: number) => n !== 3, "three"),
        requireValue(
          (n: number) => n >= 0,
          "negative",
          (n) => `${n} is below 0`,
        ),
        flatMapValue((n: number) => Array.from({ length: n }, (_, i) => i)),
      ),
    ),
    steps: [at(1, 2), at(2, null), at(3, 3), at(4, -1), at(5, 0), at(6, 1)],
    check: (outcome) => {
      expect(written("out", outcome)).toEqual(["k=0@1", "k=1@1", "k=0@6"]);
      expect(outcome.counts["node"]).toEqual({
        in: 6,
        emitted: 2,
        folded: 0,
        deadLettered: 1,
        out: 3,
        dropped: { "null-value": 1, three: 1, empty: 1 },
        missed: {},
      });
      expect(outcome.out("in.dlq")).toMatchObject([{ value: -1, headers: { "dlq.reason": "negative", "dlq.detail": "-1 is below 0" } }]);
    },
  });

  everyWay("[T3] flatMapRecord gives each value its key, and the record its own back", {
    plan: nodePlan(
      chain(
        flatMapRecord((keys: string[]) => keys.map((key) => ({ key, value: key.length }))),
        mapRecord((n: number, { key }) => ({ key: `${String(key)}!`, value: n })),
      ),
    ),
    steps: [at(1, ["a", "bb"]), at(2, ["c"])],
    check: (outcome) => expect(written("out", outcome)).toEqual(["a!=1@1", "bb!=2@1", "c!=1@2"]),
  });
});

describe("branch and merge", () => {
  everyWay("[A5] [T5] the first branch that wants a record gets it, and what it causes is done before the next", {
    plan: testPlan({
      one: {
        nodes: {
          sizes: {
            processor: branchNode("sizes", [
              { name: "small", when: (n) => (n as number) < 10 },
              { name: "even", when: (n) => (n as number) % 2 === 0 },
            ]),
            from: { in: ["in", "also"] },
          },
          doubled: { processor: chain(mapValue((n: number) => n * 2)), from: { in: ["sizes.small"] } },
          merged: { processor: chain(mapValue((n) => n)), from: { in: ["doubled", "sizes.even"] } },
        },
        to: { out: { from: "merged.out", kind: "topic" } },
      },
    }),
    steps: [at(1, 4), at(2, 12, "k", "also"), at(3, 13), at(4, 5)],
    check: (outcome) => {
      expect(written("out", outcome)).toEqual(["k=8@1", "k=12@2", "k=10@4"]);
      expect(outcome.counts["sizes"]).toMatchObject({ in: 4, emitted: 3, dropped: { "no-branch": 1 } });
    },
  });
});

describe("tables", () => {
  everyWay("[A3] keep the last value by arrival, pass changes on, and turn what a filter refuses into deletes", {
    plan: testPlan({
      one: {
        nodes: {
          table: {
            processor: chainNode("table", { rows: keyValueStore(jsonCodec) }, ({ rows }) => [
              asTable(rows as KeyValueStore<number>) as never,
            ]),
            from: { in: ["in"] },
          },
          even: { processor: chain(filterChange((n: number) => n % 2 === 0)), from: { in: ["table"] } },
        },
        to: { out: { from: "even.out", kind: "topic" } },
      },
    }),
    steps: [at(5, 2), at(1, 3), at(6, 4, "j"), at(7, null), at(8, 1, null), at(9, null, "never-there")],
    beforehand: true,
    check: (outcome) => {
      expect(written("out", outcome)).toEqual(["k=2@5", "k=null@1", "j=4@6", "k=null@7", "never-there=null@9"]);
      expect(outcome.stores["table.rows"]).toEqual(['["j",4]']);
      expect(outcome.counts["table"]).toMatchObject({ in: 6, emitted: 5, dropped: { "null-key": 1 } });
    },
  });

  everyWay("upsert keeps the last value of the key that it is told", {
    plan: nodePlan(
      chainNode("rows", { rows: keyValueStore(jsonCodec) }, ({ rows }) => [
        upsert(rows as KeyValueStore<number>, (n, key) => (n < 0 ? null : `${String(key)}/${n % 2}`)) as never,
      ]),
    ),
    steps: [at(1, 1), at(2, 3), at(3, 2), at(4, -1)],
    check: ({ stores, counts }) => {
      expect(stores["node.rows"]).toEqual(['["k/0",2]', '["k/1",3]']);
      expect(counts["node"]).toMatchObject({ in: 4, emitted: 3, dropped: { "null-key": 1 } });
    },
  });
});
