import { aggregateByKey } from "#operators/aggregate.ts";
import { branchNode } from "#operators/branch.ts";
import { dedupe, seenCodec } from "#operators/dedupe.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { filterValue, flatMapValue, mapRecord, mapValue, requireValue } from "#operators/stateless.ts";
import { asTable } from "#operators/table.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { aggregateByWindow } from "#operators/window-aggregate.ts";
import { keyValueStore, windowStore, type KeyValueStore, type WindowStore } from "#state/store.ts";
import { repartitionTopicOf, type Plan } from "#task/plan.ts";
import type { TestInput } from "./every-way.ts";
import { jsonCodec } from "./json-codec.ts";
import { testPlan, type TestSubTopology } from "./test-plan.ts";

/** A whole number ≥ 0 below `below`, the next of a seeded row. */
export type Pick = (below: number) => number;

/** Park-Miller: small, seeded, good enough for tests. */
export function pickFrom(seed: number): Pick {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

type Kind = "map" | "filter" | "flatMap" | "require" | "branch" | "sum" | "windows" | "repartition" | "dedupe" | "table";
/** What gives the same answers in whatever order the partitions of its input come. */
const inAnyOrder: readonly Kind[] = ["map", "filter", "flatMap", "require", "branch", "repartition"];
const inOrder: readonly Kind[] = [...inAnyOrder, "sum", "windows", "windows", "dedupe", "table"];

export type RandomPlan = { readonly plan: (partitions: number) => Plan; readonly says: string };
type Processors = Record<string, { processor: BoundProcessor; from: Record<string, readonly string[]> }>;

/**
 * A chain of up to six operators over numbers, with changes of key between them, from topic `in` to topic `out`. With `anyOrder`, only its last
 * operator keeps anything, and adds up: then the answers do not depend on how partitions are interleaved.
 */
export function randomPlan(pick: Pick, { graceMs, anyOrder = false }: { graceMs: number; anyOrder?: boolean }): RandomPlan {
  const kinds = Array.from(
    { length: 1 + pick(6) },
    () => (anyOrder ? inAnyOrder : inOrder)[pick((anyOrder ? inAnyOrder : inOrder).length)]!,
  );
  if (anyOrder) kinds.push("repartition", pick(2) === 0 ? "sum" : "windows");
  const topology: Record<string, { nodes: Processors; to: Record<string, TestSubTopology["to"][string]> }> = {};
  let sub: { nodes: Processors; to: Record<string, TestSubTopology["to"][string]> } = { nodes: {}, to: {} };
  topology["sub-0"] = sub;
  let from: readonly string[] = ["in"];
  let last = "";
  const says: string[] = [];
  const add = (id: string, processor: BoundProcessor): void => {
    sub.nodes[id] = { processor, from: { in: from } };
    last = id;
    from = [id];
  };
  kinds.forEach((kind, i) => {
    const id = `${kind}-${i}`;
    const window = {
      sizeMs: 10 * (1 + pick(4)),
      hops: 1 + pick(2),
      emit: anyOrder || pick(2) === 0 ? ("update" as const) : ("final" as const),
    };
    says.push(kind === "windows" ? `${window.emit} windows of ${window.sizeMs} in ${window.hops}` : kind);
    if (kind === "repartition") {
      add(id, chain(mapRecord((n: number) => ({ key: n % 11 === 0 ? null : `key-${n % 5}`, value: n }))));
      const topic = repartitionTopicOf("test", id);
      sub.to[topic] = { from: `${id}.out`, kind: "repartition" };
      topology[`sub-${i + 1}`] = sub = { nodes: {}, to: {} };
      from = [topic];
      if (i < kinds.length - 1) return;
      add(`end-${i}`, chain(mapValue((n) => n)));
    } else if (kind === "branch") {
      sub.nodes[id] = {
        processor: branchNode(id, [
          { name: "even", when: (n) => (n as number) % 2 === 0 },
          { name: "three", when: (n) => (n as number) % 3 === 0 },
          { name: "other", when: (n) => (n as number) % 7 !== 0 },
        ]),
        from: { in: from },
      };
      from = [`${id}.even`];
      add(`${id}-half`, chain(mapValue((n: number) => n / 2)));
      from = [`${id}-half`, `${id}.three`, `${id}.other`];
      add(`${id}-merged`, chain(mapValue((n) => n)));
    } else add(id, operator(kind, { ...window, graceMs }));
  });
  sub.to["out"] = { from: `${last}.out`, kind: "topic" };
  return { plan: (partitions) => testPlan(topology, partitions), says: says.join(" → ") };
}

function operator(
  kind: Exclude<Kind, "repartition" | "branch">,
  { sizeMs, hops, emit, graceMs }: { sizeMs: number; hops: number; emit: "update" | "final"; graceMs: number },
): BoundProcessor {
  const sum = { init: () => 0, add: (total: number, n: number | null) => (total + (n ?? 0)) % 10_007 };
  switch (kind) {
    case "map":
      return chain(mapValue((n: number) => (n * 3 + 1) % 101));
    case "filter":
      return chain(filterValue((n: number) => n % 4 !== 1));
    case "flatMap":
      return chain(flatMapValue((n: number) => Array.from({ length: n % 4 }, (_, i) => n + i)));
    case "require":
      return chain(requireValue((n: number) => n % 13 !== 5, "thirteen"));
    case "sum":
      return chainNode(kind, { sums: keyValueStore(timestamped(jsonCodec)) }, ({ sums }) => [
        aggregateByKey(sums as KeyValueStore<Timestamped<number>>, sum) as never,
      ]);
    case "windows":
      return chainNode(kind, { windows: windowStore(timestamped(jsonCodec)) }, ({ windows }) => [
        aggregateByWindow(
          windows as WindowStore<Timestamped<number>>,
          { sizeMs, advanceMs: sizeMs / hops, graceMs, emit, retainMs: 1e9 },
          sum,
        ) as never,
      ]);
    case "dedupe":
      return chainNode(kind, { seen: windowStore(seenCodec) }, ({ seen }) => [
        dedupe(seen as WindowStore<number>, { by: (n: number, { key }) => `${String(key)} ${n}`, withinMs: 20 + graceMs }) as never,
      ]);
    case "table":
      return chainNode(kind, { table: keyValueStore(jsonCodec) }, ({ table }) => [asTable(table as KeyValueStore<number>) as never]);
  }
}

const chain = (...steps: readonly unknown[]): BoundProcessor => chainNode("chain", {}, () => steps as never);

/** Numbers for topic `in`, at most `disorderMs` behind the newest, with a leap of time now and then and a last record far behind all. */
export function randomInputs(pick: Pick, { count, disorderMs }: { count: number; disorderMs: number }): TestInput[] {
  let time = 0;
  const inputs = Array.from({ length: count }, (): TestInput => {
    time += pick(12) === 0 ? 100 : pick(6);
    return { to: "in", key: pick(15) === 0 ? null : `in-${pick(4)}`, value: pick(60), at: Math.max(0, time - pick(disorderMs + 1)) };
  });
  return [...inputs, { to: "in", key: "in-0", value: 1, at: time + 10_000 }];
}
