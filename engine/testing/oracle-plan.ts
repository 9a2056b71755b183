import type { OperatorFunction } from "rxjs";
import type { Codec } from "#state/codec.ts";
import { keyValueStore, windowStore, type KeyValueStore, type StoreSpec, type WindowStore } from "#state/store.ts";
import { aggregateByKey, firstAsItIs, type Aggregator } from "#operators/aggregate.ts";
import { branchNode } from "#operators/branch.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { filterChange, filterValue, flatMapRecord } from "#operators/stateless.ts";
import { step } from "#operators/step.ts";
import { asTable } from "#operators/table.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { aggregateByWindow } from "#operators/window-aggregate.ts";
import { deadLetterTopicOf, type Plan, type SinkPlan } from "#task/plan.ts";

export type OracleParams = {
  readonly window?: string;
  readonly sizeMs?: number;
  readonly advanceMs?: number;
  readonly graceMs?: number;
  readonly emit?: "update" | "final";
  readonly emitIntervalMs?: number;
  readonly aggregator?: { readonly init: string; readonly add: string };
  readonly reducer?: string;
  readonly keep?: string;
  readonly streams?: readonly string[];
};

export type OraclePlan = { readonly plan: Plan; readonly nodes: readonly string[]; readonly outputs: readonly string[] };

/** Values travel as JSON, keys as text; what a sink writes holds the value and, for windowed results, the window. */
export function oraclePlan(operator: string, params: OracleParams): OraclePlan {
  const processors = processorsOf(operator, params);
  const streams = params.streams ?? ["in"];
  const sinks: SinkPlan[] = [];
  const nodes = Object.entries(processors).map(([id, processor]) => ({
    id,
    processor,
    outputs: Object.fromEntries(
      processor.outputs.map((output) => {
        const topic = output === "out" ? id : output;
        sinks.push(sinkOf(topic, operator === "repartition" ? "repartition" : "topic"));
        return [output, { to: [], sinks: [topic] }];
      }),
    ),
  }));
  const outputs = sinks.map(({ topic }) => topic);
  return {
    plan: {
      name: "oracle",
      topics: [...streams, ...streams.map(deadLetterTopicOf), ...outputs].map((name) => ({
        name,
        partitions: 1,
        retention: { kind: "forever" },
      })),
      subTopologies: [
        {
          id: "oracle",
          partitions: 1,
          sources: streams.map((topic) => ({
            topic,
            decode: (bytes: Uint8Array | null) => (bytes === null ? null : jsonCodec.decode(bytes)),
            to: nodes.map(({ id }) => ({ node: id, port: "in" })),
            upstream: [],
          })),
          nodes,
          sinks,
        },
      ],
    },
    nodes: nodes.map(({ id }) => id),
    outputs,
  };
}

function sinkOf(topic: string, kind: "topic" | "repartition"): SinkPlan {
  return {
    id: topic,
    topic,
    partitions: 1,
    kind,
    key: (_value, { key }) => key,
    encode: (value, { windowStart, windowEnd }) =>
      jsonCodec.encode({ value, ...(windowStart < 0 ? {} : { window: { start: windowStart, end: windowEnd } }) }),
  };
}

/** @throws {Error} for what can never be built */
function processorsOf(operator: string, params: OracleParams): Readonly<Record<string, BoundProcessor>> {
  switch (operator) {
    case "filter": {
      const wanted = !params.keep!.startsWith("not");
      return { out: chain([filterValue((_value, { key }) => (Number(key) % 3 === 0) === wanted)]) };
    }
    case "flatMap":
      return {
        out: chain([
          flatMapRecord((value, { key }) => Array.from({ length: Number(key) }, (_, i) => ({ key: String(Number(key) * 10 + i), value }))),
        ]),
      };
    case "split":
      return {
        split: branchNode(
          "split",
          [2, 3, 5].map((divisor) => ({ name: `x${divisor}`, when: (_value, { key }) => Number(key) % divisor === 0 })),
        ),
      };
    case "merge":
    case "repartition":
      return { out: chain([]) };
    case "table-filter":
      return {
        even: chain([filterChange((value) => Number(value) % 2 === 0)]),
        odd: chain([filterChange((value) => Number(value) % 2 !== 0)]),
      };
    case "table-source":
      return { out: withStore(keyValueStore(jsonCodec), (table) => asTable(table as KeyValueStore<unknown>)) };
    case "process":
      return { out: withStore(keyValueStore(jsonCodec), (counts) => counter(counts as KeyValueStore<number>)) };
    case "aggregate":
    case "count":
    case "reduce":
      return { out: aggregation(operator, params) };
    default:
      throw new Error(`no plan for operator ${operator}`);
  }
}

function aggregation(operator: string, params: OracleParams): BoundProcessor {
  const { window, sizeMs = Infinity, advanceMs = sizeMs, graceMs = 0, emit = "update", emitIntervalMs = 1000 } = params;
  const aggregator = aggregatorOf(operator, params);
  const codec = timestamped(jsonCodec);
  if (window === undefined)
    return withStore(keyValueStore(codec), (store) => aggregateByKey(store as KeyValueStore<Timestamped<unknown>>, aggregator));
  const windows = aggregateByWindow;
  return withStore(windowStore(codec), (store) =>
    windows(store as WindowStore<Timestamped<unknown>>, { sizeMs, advanceMs, graceMs, emit, emitIntervalMs }, aggregator),
  );
}

function aggregatorOf(operator: string, { aggregator, reducer }: OracleParams): Aggregator<unknown, unknown> {
  if (operator === "count") return { init: () => 0, add: (count) => (count as number) + 1 };
  if (operator === "reduce") return firstAsItIs((agg, value) => fill(reducer!, agg, value));
  return { init: () => aggregator!.init, add: (agg, value) => fill(aggregator!.add, agg, value) };
}

const fill = (template: string, agg: unknown, value: unknown): string =>
  template.replace("{agg}", String(agg)).replace("{value}", String(value));

/** Case X9: a number n per key, 0 at first; (key, value) gives (key + 1, value + n), then n grows by 1. */
function counter(counts: KeyValueStore<number>): OperatorFunction<number, number> {
  return step((out, context) => (value) => {
    const key = context.record.key!;
    const n = counts.get(key) ?? 0;
    counts.put(key, n + 1);
    context.emit(out, value + n, { key: String(Number(key) + 1) });
  });
}

type Chain = ReturnType<Parameters<typeof chainNode>[2]>;
const chain = (steps: readonly OperatorFunction<never, unknown>[]): BoundProcessor => chainNode("oracle", {}, () => steps as Chain);
function withStore(
  spec: StoreSpec,
  operator: (store: KeyValueStore<unknown> | WindowStore<unknown>) => OperatorFunction<never, unknown>,
): BoundProcessor {
  return chainNode("oracle", { store: spec }, ({ store }) => [operator(store!)]);
}

const jsonCodec: Codec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
};
