import {
  deadLetterOf,
  deadLetterTopicOf,
  compareKeys,
  type DriverInput,
  type DriverRecord,
  encodeHeaders,
  TopologyDriver,
} from "@millrace/engine";
import { ownCodec } from "../streams/own-codec.ts";
import { decodeEvent, encodeEvent } from "#schemas/event-codec.ts";
import { toJson, valueToJson } from "#schemas/event-json.ts";
import { schemaOfTopic } from "#schemas/event-registry.ts";
import { formatTimestamp } from "#schemas/timestamp.ts";
import type { Compiled } from "../compile-topology.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Tree } from "../parse/yaml-tree.ts";
import type { QueryPlan, QueryRow } from "../plan/query-plan.ts";
import type { StoreEntry } from "../streams/query-draft.ts";
import type { Place } from "../topology-error.ts";
import { compare, type Difference, differenceLine } from "./match.ts";
import { testEpochMs, timeOf } from "./parse-test-file.ts";
import { sampleEvent, sampleRecord } from "./sample-value.ts";
import type { Expected, TestCase, TestRecord, TestStep } from "./test-syntax.ts";

/** What differs in the rows of a query, the records of a topic or the dead letters; `tree` is what the file says of them. */
export type Section = {
  readonly title: string;
  readonly place: Place;
  readonly tree: Tree;
  readonly differences: readonly Difference[];
};

/** What went otherwise, with the step it belongs to; none if the case passes. Notes are of what could not be compared at all. */
export type CaseFailure = { readonly step: TestStep; readonly notes: readonly string[]; readonly sections: readonly Section[] };

/** A failure as lines. */
export const failureLines = ({ notes, sections }: CaseFailure): readonly string[] => [
  ...notes,
  ...sections.flatMap(({ title, differences }) =>
    differences.map(differenceLine).map((line) => `${title}${line.startsWith("[") ? "" : " "}${line}`),
  ),
];

/** Runs a case; `restarts` takes the records one by one, with a restart from the last commit after each. [Y19] */
export function runCase({ steps }: TestCase, compiled: Compiled, { restarts }: { restarts: boolean }): readonly CaseFailure[] {
  const driver = new TopologyDriver(compiled.plan, { nowMs: testEpochMs });
  const topics = compiled.plan.topics.map(({ name }) => name);
  const failures: CaseFailure[] = [];
  let count = 0;
  for (const step of steps) {
    const notes: string[] = [];
    for (const record of step.in.toSorted((a, b) => a.atMs - b.atMs)) {
      const input = topics.includes(record.topic)
        ? inputOf(record, compiled, `e${++count}`)
        : `there is no topic "${record.topic}"${didYouMean(record.topic, topics)}`;
      if (typeof input === "string") {
        notes.push(`in ${record.topic}, line ${record.place.line}: ${input}`);
        continue;
      }
      driver.append(record.topic, input);
      if (!restarts) continue;
      driver.advance(0);
      driver.restart();
    }
    driver.advance(step.clockMs);
    if (step.restart || restarts) driver.restart();
    const checked = checkStep(step, driver, compiled);
    notes.push(...checked.notes);
    if (notes.length + checked.sections.length > 0) failures.push({ step, notes, sections: checked.sections });
  }
  return failures;
}

function inputOf({ topic, value, key, atMs }: TestRecord, { recordTypes }: Compiled, nextId: string): DriverInput | string {
  if (value.kind === "raw") return { key: key ?? null, value: Buffer.from(value.text), timestamp: atMs };
  const type = recordTypes.get(topic);
  if (type !== undefined) {
    try {
      const bytes = ownCodec(type).encode(sampleRecord(type, value.json));
      return { key: key ?? null, value: bytes, timestamp: atMs };
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  const schema = schemaOfTopic(topic);
  if (schema === undefined) return `nothing says what "${topic}" holds`;
  const sample = sampleEvent(schema.eventType, value.json, { id: nextId, atMs });
  if (typeof sample === "string") return sample;
  return { key: key ?? sample.key, value: encodeEvent(sample.event), timestamp: atMs };
}

function checkStep(step: TestStep, driver: TopologyDriver, compiled: Compiled): Pick<CaseFailure, "notes" | "sections"> {
  const { plan, queries } = compiled;
  const notes: string[] = [];
  const sections: Section[] = [];
  const matched = (title: string, { place, tree, list }: Pick<Expected, "place" | "tree" | "list">, actual: readonly unknown[]): void => {
    const differences = compare(list, actual);
    if (differences.length > 0) sections.push({ title, place, tree, differences });
  };
  for (const [task, error] of driver.stopped) notes.push(`task ${task} stopped: ${error instanceof Error ? error.message : String(error)}`);
  const topics = plan.topics.map(({ name }) => name);
  for (const { name, list, ...at } of step.out) {
    if (!topics.includes(name)) {
      notes.push(`out: there is no topic "${name}"${didYouMean(name, topics)}`);
      continue;
    }
    const records = driver.drain(name).map((record) => shown(name, record, compiled));
    matched(`out ${name}`, { ...at, list: list.map(withTimes) }, records);
  }
  for (const { name, list, ...at } of step.rows) {
    const query = queries.find((one) => one.name === name);
    if (query !== undefined) matched(`rows ${name}`, { ...at, list: list.map(withTimes) }, queryRows(query, driver));
    else {
      const names = queries.map((one) => one.name);
      notes.push(`rows: there is no query "${name}"${didYouMean(name, names)}`);
    }
  }
  const letters = plan.topics
    .filter(({ name }) => topics.includes(deadLetterTopicOf(name)))
    .flatMap(({ name }) =>
      driver
        .drain(deadLetterTopicOf(name))
        .map((record) => ({ topic: name, key: record.key, ...deadLetterOf(encodeHeaders(record.headers)) })),
    );
  if (step.deadLetters !== undefined) matched("deadLetters", { ...step.deadLetters, list: step.deadLetters.letters }, letters);
  // What is not said is not looked at again in the next step.
  for (const name of topics) driver.drain(name);
  return { notes, sections };
}

/** `at: 90s` and times of windows are spans from the start of the test. */
function withTimes(expected: unknown): unknown {
  if (typeof expected !== "object" || expected === null || Array.isArray(expected)) return expected;
  return Object.fromEntries(
    Object.entries(expected).map(([name, value]) => {
      const isTime = name === "at" || name === "window_start" || name === "window_end";
      const ms = isTime && typeof value === "string" ? timeOf(value) : undefined;
      return [name, ms === undefined ? value : formatTimestamp(ms)];
    }),
  );
}

/** A record as a test writes it: key, time, and the fields of the event or record. */
function shown(topic: string, { key, timestamp, value }: DriverRecord, { recordTypes }: Compiled): Readonly<Record<string, unknown>> {
  const outer = { key, at: formatTimestamp(timestamp) };
  if (value === null) return { ...outer, deleted: true };
  const type = recordTypes.get(topic);
  if (type !== undefined) return { ...outer, ...(valueToJson(type, ownCodec(type).decode(value)) as object) };
  const decoded = decodeEvent(value);
  return decoded.kind === "decoded" ? { ...outer, ...toJson(decoded.event) } : { ...outer, undecodable: decoded.code };
}

/** All rows of a query, over all tasks: by window, then by key; a ranking by group and rank. */
export function queryRows(query: QueryPlan, driver: TopologyDriver): readonly QueryRow[] {
  const entries = entriesOf(query, driver).toSorted((a, b) => (a.windowStart ?? 0) - (b.windowStart ?? 0) || compareKeys(a.key, b.key));
  const { rank } = query;
  if (rank === undefined) return entries.map((entry) => query.rowOf(entry));
  const groups = Map.groupBy(entries, (entry) => rank.groupOf(entry));
  return [...groups.values()].flatMap((group) =>
    group
      .sort(rank.compare)
      .slice(0, rank.limit)
      .map((entry, i) => query.rowOf(entry, i + 1)),
  );
}

function entriesOf({ kind, node, store }: QueryPlan, driver: TopologyDriver): StoreEntry[] {
  if (kind === "window") {
    return driver
      .window(node, store)
      .flatMap((one) => [...one.range(0, Infinity)].map(([windowStart, key, value]) => ({ key, value, windowStart })));
  }
  return driver.keyValue(node, store).flatMap((one) => [...one.range()].map(([key, value]) => ({ key, value })));
}
