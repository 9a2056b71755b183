import {
  deadLetterTopicOf,
  repartitionTopicOf,
  type Aggregator,
  type BoundProcessor,
  type NodePlan,
  type Plan,
  type SinkPlan,
  type SourcePlan,
  type SubTopologyPlan,
} from "@millrace/engine";
import { countMembers, pass, type Regrouped, regroupByValue, tableJoin, ticker, windowed } from "./nodes.ts";
import { numberCodec } from "./number-codec.ts";

export const dayMs = 86_400_000;
const hopMs = 1000;
/** Of the hopping sums. */
export const sumWindow = { sizeMs: 2 * hopMs, advanceMs: hopMs, graceMs: 30_000 } as const;
export const minWindow = { sizeMs: dayMs, graceMs: 60_000 } as const;
const longWindow = { sizeMs: 2 * dayMs, graceMs: 0, emit: "update" } as const;

const minimum: Aggregator<number, number> = { init: () => Number.MAX_SAFE_INTEGER, add: (least, value) => Math.min(least, value) };
const maximum: Aggregator<number, number> = { init: () => Number.MIN_SAFE_INTEGER, add: (most, value) => Math.max(most, value) };
const total: Aggregator<number, number> = { init: () => 0, add: (sum, value) => sum + value };
const count: Aggregator<number, number> = { init: () => 0, add: (seen) => seen + 1 };

export type SmokeOptions = {
  /** What all names of the run begin with. */
  readonly name: string;
  readonly partitions: number;
  readonly groupPartitions: number;
  readonly tickMs: number;
};

/** What the pipeline reads and writes; `ticks` is ours, for commits that nothing but a timer made. */
export const outputs = [
  "echo",
  "min-raw",
  "min-suppressed",
  "min",
  "sws-raw",
  "sws-suppressed",
  "max",
  "sum",
  "cnt",
  "dif",
  "avg",
  "tagg",
  "ticks",
] as const;
export type Output = (typeof outputs)[number];

/** The topic of an output, or of `data`. */
export const topicOf = (name: string, what: Output | "data"): string => `${name}.${what}`;

/**
 * Kafka Streams' smoke test (oracles: smoke.md) as three sub-topologies: `data` folds the records by key and window, `tables` joins and regroups what it
 * wrote, `groups` counts the groups behind a repartition.
 */
export function smokePlan({ name, partitions, groupPartitions, tickMs }: SmokeOptions): Plan {
  const topic = (what: Output | "data"): string => topicOf(name, what);
  const regrouped = repartitionTopicOf(name, "regrouped");
  const forever = { kind: "forever" } as const;
  const read = ["data", "min", "max", "sum", "cnt"] as const;
  const nodes: readonly (readonly [id: Output, processor: BoundProcessor, ...more: Output[]])[] = [
    ["echo", pass("echo")],
    ["min", windowed("min", { ...minWindow, emit: "update" }, minimum), "min-raw"],
    ["min-suppressed", windowed("min-suppressed", { ...minWindow, emit: "final" }, minimum)],
    ["sws-raw", windowed("sws-raw", { ...sumWindow, emit: "update" }, total)],
    ["sws-suppressed", windowed("sws-suppressed", { ...sumWindow, emit: "final" }, total)],
    ["max", windowed("max", longWindow, maximum)],
    ["sum", windowed("sum", longWindow, total)],
    ["cnt", windowed("cnt", longWindow, count)],
    ["ticks", ticker("ticks", tickMs)],
  ];
  const data: SubTopologyPlan = {
    id: "data",
    partitions,
    sources: [source(topic("data"), numberOf, { to: nodes.map(([id]) => [id, "in"] as const) })],
    nodes: nodes.map(([id, processor, ...more]) => node(id, processor, [id, ...more])),
    sinks: nodes.flatMap(([id, , ...more]) => [id, ...more].map((output) => sink(topic(output), output, partitions))),
  };
  const tables: SubTopologyPlan = {
    id: "tables",
    partitions,
    sources: [
      source(topic("max"), numberOf, { to: [["dif", "left"]] }),
      source(topic("min"), numberOf, { to: [["dif", "right"]] }),
      source(topic("sum"), numberOf, { to: [["avg", "left"]] }),
      source(topic("cnt"), numberOf, {
        to: [
          ["avg", "right"],
          ["regrouped", "in"],
        ],
      }),
    ],
    nodes: [
      node(
        "dif",
        tableJoin("dif", (max, min) => max - min),
        ["dif"],
      ),
      node(
        "avg",
        tableJoin("avg", (sum, cnt) => sum / cnt),
        ["avg"],
      ),
      node("regrouped", regroupByValue("regrouped"), ["regrouped"]),
    ],
    sinks: [
      sink(topic("dif"), "dif", partitions),
      sink(topic("avg"), "avg", partitions),
      {
        id: "regrouped",
        topic: regrouped,
        partitions: groupPartitions,
        kind: "repartition",
        key: (_value, { key }) => key,
        encode: (value) => Buffer.from((value as Regrouped).kind),
      },
    ],
  };
  const groups: SubTopologyPlan = {
    id: "groups",
    partitions: groupPartitions,
    sources: [source(regrouped, kindOf, { to: [["tagg", "in"]], upstream: ["tables"] })],
    nodes: [node("tagg", countMembers("tagg"), ["tagg"])],
    sinks: [sink(topic("tagg"), "tagg", groupPartitions)],
  };
  return {
    name,
    topics: [
      { name: topic("data"), partitions, retention: forever },
      ...outputs.map((output) => ({
        name: topic(output),
        partitions: output === "tagg" ? groupPartitions : partitions,
        retention: forever,
      })),
      { name: regrouped, partitions: groupPartitions, retention: { kind: "consumed" } },
      ...read.map((what) => ({ name: deadLetterTopicOf(topic(what)), partitions, retention: forever })),
      { name: deadLetterTopicOf(regrouped), partitions: groupPartitions, retention: forever },
    ],
    subTopologies: [data, tables, groups],
  };
}

type Decode = SourcePlan["decode"];
type Ways = { readonly to: readonly (readonly [node: string, port: string])[]; readonly upstream?: readonly string[] };

const numberOf: Decode = (bytes) => (bytes === null ? null : numberCodec.decode(bytes));
const kindOf: Decode = (bytes) => ({ kind: Buffer.from(bytes!).toString() });

function source(topic: string, decode: Decode, { to, upstream = [] }: Ways): SourcePlan {
  return { topic, decode, to: to.map(([id, port]) => ({ node: id, port })), upstream };
}

function node(id: string, processor: BoundProcessor, sinks: readonly string[]): NodePlan {
  return { id, processor, outputs: { out: { to: [], sinks } } };
}

/** `key@windowStart` where the output shows its windows. */
const showsWindow: ReadonlySet<string> = new Set<Output>(["min-raw", "min-suppressed", "sws-raw", "sws-suppressed"]);

function sink(topic: string, output: Output, partitions: number): SinkPlan {
  return {
    id: output,
    topic,
    partitions,
    kind: "topic",
    key: (_value, { key, windowStart }) => (showsWindow.has(output) ? `${key}@${windowStart}` : key),
    encode: (value) => (value === null ? null : numberCodec.encode(value as number)),
  };
}
