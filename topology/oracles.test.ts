import { readFileSync } from "node:fs";
import { TopologyDriver, type DriverInput } from "@millrace/engine";
import { describe, expect, test } from "vitest";
import { compileTopology, type Compiled } from "./compile-topology.ts";
import { ownCodec } from "./streams/own-codec.ts";

/**
 * The oracles that the language can say, through compiled files. A record has its key as text in the field `id`, its value in the field `value`. A record
 * without bytes is undecodable here, so a null value is that field null, which `where` leaves out. Only plans in TypeScript say the rest
 * (engine/testing/oracles.test.ts):
 * - W1, W2, W4, W9, W11 and their kin: the language has tumbling windows, no hopping ones; W12: and none without end.
 * - G1-aggregate, W7-aggregate, W7-reduce and those with `-final`: no function of `aggregate` joins texts.
 * - X6, X8: no step makes a delete, and one that comes in is undecodable.
 * - X9: a number kept by hand takes a processor.
 */
type Said = { readonly nodes: string; readonly topics?: string; readonly droppedAs?: string };

const fields = "fields: { id: string, value: string? }, key: id";
const fieldsWithoutKey = "fields: { id: string?, value: string? }";

const cases: Readonly<Record<string, Said>> = {
  "X1-filter": { nodes: "answer: { from: oracle.in, where: int(id) % 3 == 0, to: analytics.out }" },
  "X1-filterNot": { nodes: `answer: { from: oracle.in, where: "!(int(id) % 3 == 0)", to: analytics.out }` },
  // There are no ranges: of a list that is long enough, so many elements.
  X2: {
    nodes: `
  each: { from: oracle.in, flatMap: { each: "[0, 1, 2]", as: i, where: i < int(id), select: { id: string(int(id) * 10 + i), value: value } } }
  answer: { from: each, key: id }
  read: { from: answer, to: analytics.out }`,
  },
  X3: {
    nodes: `
  answer:
    from: oracle.in
    branch: { x2: int(id) % 2 == 0, x3: int(id) % 3 == 0, x5: int(id) % 5 == 0 }
    to: { x2: analytics.x2, x3: analytics.x3, x5: analytics.x5 }`,
  },
  X4: {
    topics: `{ oracle.topic-1: { ${fields} }, oracle.topic-2: { ${fields} } }`,
    nodes: "answer: { from: [oracle.topic-1, oracle.topic-2], to: analytics.out }",
  },
  X5: {
    topics: `{ oracle.in: { ${fieldsWithoutKey} } }`,
    nodes: `
  answer: { from: oracle.in, key: id }
  read: { from: answer, to: analytics.out }`,
    droppedAs: "null-key",
  },
  "X8-null": {
    topics: `{ oracle.in: { ${fieldsWithoutKey}, key: id } }`,
    nodes: "answer: { from: oracle.in, table: true, to: analytics.out }",
    droppedAs: "null-key",
  },
  "G1-count": {
    nodes: "answer: { from: oracle.in, where: value != null, aggregate: { value: count() }, to: analytics.out }",
    droppedAs: "filtered",
  },
  "W7-count": {
    nodes: "answer: { from: oracle.in, window: { tumbling: 500ms, grace: 0s }, aggregate: { value: count() }, to: analytics.out }",
  },
  "W7-count-final": {
    nodes:
      "answer: { from: oracle.in, window: { tumbling: 500ms, grace: 0s }, aggregate: { value: count() }, emit: final, to: analytics.out }",
  },
  W8: {
    nodes: "answer: { from: oracle.in, window: { tumbling: 500ms, grace: 100ms }, aggregate: { value: count() }, to: analytics.out }",
  },
};

type Input = { readonly stream: string; readonly key: string | number | null; readonly value: unknown; readonly timestamp: number };
type Expected = {
  readonly key?: string | number | null;
  readonly value: unknown;
  readonly timestamp?: number;
  readonly window?: { readonly start: number; readonly end: number };
};
type Oracle = {
  readonly id: string;
  readonly about: string;
  readonly steps: readonly { readonly in: Input; readonly out?: readonly Expected[] }[];
  readonly outAtEnd?: readonly Expected[] | Readonly<Record<string, readonly Expected[]>>;
  readonly finalState?: readonly Expected[];
  readonly dropped?: { readonly count: number };
};
type Row = { readonly value: unknown; readonly window_start?: number; readonly window_end?: number };

const oracles = ["stateless", "aggregate", "window-aggregate"].flatMap(
  (family) => JSON.parse(readFileSync(new URL(`../engine/testing/oracles/${family}.json`, import.meta.url), "utf8")) as Oracle[],
);

describe("[W0] oracles, compiled from files", () => {
  for (const [id, said] of Object.entries(cases)) {
    const oracle = oracles.find((one) => one.id === id)!;
    for (const restart of [false, true])
      test(`${id}${restart ? ", with a restart after each step" : ""}: ${oracle.about}`, () => runOracle(oracle, said, restart));
  }
});

function runOracle({ steps, outAtEnd, finalState, dropped }: Oracle, said: Said, restart: boolean): void {
  const compiled = compile(said);
  const driver = new TopologyDriver(compiled.plan);
  const drain = (output: string): readonly Expected[] => drained(driver, compiled, `analytics.${output}`);
  for (const { in: input, out } of steps) {
    driver.pipe(`oracle.${input.stream}`, inputOf(input, compiled));
    if (restart) driver.restart();
    if (out !== undefined) expect(drain("out")).toEqual(out);
  }
  if (outAtEnd !== undefined) {
    const expected = Array.isArray(outAtEnd)
      ? { out: outAtEnd as readonly Expected[] }
      : (outAtEnd as Readonly<Record<string, readonly Expected[]>>);
    for (const [output, list] of Object.entries(expected)) compare(drain(output), list);
  }
  if (finalState !== undefined) {
    const last = new Map(drain("out").map((record) => [String(record.key), record]));
    compare(
      [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record),
      finalState,
    );
  }
  const counts = driver.counts("answer");
  if (dropped !== undefined) expect(counts.dropped).toEqual({ [said.droppedAs!]: dropped.count });
  expect({ deadLettered: counts.deadLettered, missed: counts.missed, stopped: driver.stopped.size }).toEqual({
    deadLettered: 0,
    missed: {},
    stopped: 0,
  });
}

function compile({ nodes, topics = `{ oracle.in: { ${fields} } }` }: Said): Compiled {
  const { problems, compiled } = compileTopology(`topology: oracle\ntopics: ${topics}\nnodes:\n  ${nodes}\n`, {
    processors: [],
    partitions: 1,
  });
  // A count for each key, for ever, is what the oracle wants.
  expect(problems.filter(({ code }) => code !== "TOPOLOGY_UNBOUNDED_STATE")).toEqual([]);
  return compiled!;
}

function inputOf({ stream, key, value, timestamp }: Input, { recordTypes }: Compiled): DriverInput {
  const text = key === null ? null : String(key);
  return { key: text, value: ownCodec(recordTypes.get(`oracle.${stream}`)!).encode({ id: text, value }), timestamp };
}

function drained(driver: TopologyDriver, { recordTypes }: Compiled, topic: string): readonly Expected[] {
  const codec = ownCodec<Row>(recordTypes.get(topic)!);
  return driver.drain(topic).map(({ key, value: bytes, timestamp }) => {
    const { value, window_start: start, window_end: end } = codec.decode(bytes!);
    return { key, value, timestamp, ...(start === undefined || end === undefined ? {} : { window: { start, end } }) };
  });
}

/** In order, and of each record what the oracle says. */
function compare(actual: readonly Expected[], expected: readonly Expected[]): void {
  expect(actual).toHaveLength(expected.length);
  expect(actual).toMatchObject(expected.map((record) => ("key" in record ? { ...record, key: String(record.key) } : record)));
}
