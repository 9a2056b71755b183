import { type CurrentRecord, noHeaders, type WantedRecord } from "@millrace/engine";
import type { RecordType } from "#schemas/field-type.ts";
import type { Elaboration } from "../check/elaboration.ts";
import type { ReferenceTable } from "../check/references.ts";
import { topicStream } from "../check/topic-stream.ts";
import type { ExpressionType } from "../expressions/expression-type.ts";
import type { Text } from "../parse/syntax.ts";
import { decoderOf } from "../plan/source-decoder.ts";
import { keyReader } from "../streams/key-text.ts";
import type { KeyColumn, Stream } from "../streams/stream.ts";
import { outermost } from "../streams/value-path.ts";

/** What a sink reads: a topic, and what its records hold. */
export type SinkSource = {
  readonly topic: string;
  readonly type: ExpressionType;
  readonly event: Stream["event"];
  readonly key: readonly KeyColumn[];
  /** What tells the rows of an aggregate apart. */
  readonly identity: readonly string[];
};

/** A record as expressions see it. */
export type SeenRecord = { readonly value: unknown; readonly record: Readonly<CurrentRecord> };

/** Finds the topic behind a node, its output, or a topic's own name; reports what is none. */
export function sinkSource(from: Text, references: ReferenceTable, elaboration: Elaboration): SinkSource | undefined {
  const { report, parts, written, topics } = elaboration;
  const reference = references.resolve(from, report);
  if (reference === undefined) return undefined;
  const topic = reference.kind === "topic" ? reference.topic : topicBehind(reference, from, elaboration);
  if (topic === undefined) return undefined;
  const writers = new Set(parts.flatMap((part) => (part.sinks.some((sink) => sink.topic === topic) ? [part.node] : [])));
  if (reference.kind === "node" && writers.size > 1) {
    const others = [...writers].filter((node) => node !== reference.node).map((node) => `"${node}"`);
    report(
      "TOPOLOGY_SINK_SOURCE",
      from.place,
      `node "${reference.node}" shares its topic with ${others.join(", ")}: say "${topic}" for the records of all of them`,
    );
    return undefined;
  }
  const stream = topicStream(topic, from, elaboration);
  if (stream.type.kind === "unknown") return undefined;
  const key = topics.get(topic)?.holds === undefined ? (written.get(topic)?.key ?? stream.key) : stream.key;
  return { topic, type: stream.type, event: stream.event, key, identity: stream.identity };
}

function topicBehind(
  { node, output }: { readonly node: string; readonly output: string | undefined },
  from: Text,
  { parts, report, outputs }: Elaboration,
): string | undefined {
  const sinks = parts
    .filter((part) => part.node === node)
    .flatMap((part) => part.sinks.filter((sink) => sink.kind === "topic" && (output === undefined || sink.output === output)));
  const [only, ...more] = new Set(sinks.map(({ topic }) => topic));
  if (only !== undefined && more.length === 0) return only;
  const name = output === undefined ? node : `${node}.${output}`;
  if (more.length > 0) {
    const names = sinks.map((sink) => `"${node}.${sink.output}"`).join(", ");
    report("TOPOLOGY_SINK_SOURCE", from.place, `node "${node}" writes to several topics; say one of ${names}`);
  } else if (outputs.get(node)?.size !== 0) {
    // A node that gives nothing was reported where it stands.
    report(
      "TOPOLOGY_SINK_SOURCE",
      from.place,
      `a sink reads the log, and "${name}" is not written to it; add to node "${node}": to: analytics.${node}`,
    );
  }
  return undefined;
}

/** Decodes of each record just the paths that are read; of one without a value, only its key is known, at the fields that hold the same. */
export function recordReader(source: SinkSource, reads: Iterable<string>, elaboration: Elaboration): (record: WantedRecord) => SeenRecord {
  const { decode } = decoderOf(source.topic, outermost(reads), elaboration);
  const partsOf = keyReader(source.key);
  return ({ key, value, timestamp }) => ({
    value: value === null ? valueOfKey(source.key, key === null ? [] : source.key.length > 1 ? listOf(key) : partsOf(key)) : decode(value),
    record: { key, timestamp, sequence: 0, headers: noHeaders, windowStart: -1, windowEnd: -1 },
  });
}

/** A key of several columns is written as a list. */
const listOf = (text: string): readonly unknown[] => JSON.parse(text) as readonly unknown[];

function valueOfKey(key: readonly KeyColumn[], parts: readonly unknown[]): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [i, { path }] of key.entries()) {
    if (path === undefined) continue;
    const names = path.split(".");
    const last = names.pop()!;
    let at = value;
    for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>;
    at[last] = parts[i];
  }
  return value;
}

/** The fields of what the records hold, where they are records. */
export const fieldsOf = ({ type }: SinkSource): RecordType["fields"] => (type.kind === "record" ? type.fields : []);
