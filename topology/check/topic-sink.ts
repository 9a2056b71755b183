import { ownCodec } from "../streams/own-codec.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { keyOf } from "#schemas/event-key.ts";
import type { RecordType } from "#schemas/field-type.ts";
import type { EventDraft } from "#schemas/shop-event.ts";
import { didYouMean } from "../did-you-mean.ts";
import { isAssignable, typeName } from "../expressions/expression-type.ts";
import type { Text } from "../parse/syntax.ts";
import type { Elaboration } from "./elaboration.ts";
import { outerKey } from "../streams/key-text.ts";
import type { SinkDraft } from "../streams/part.ts";
import { isBroken, type Stream } from "../streams/stream.ts";
import { dayMs, defaultPartitions, ownTopic, type Topic } from "./topic-catalogue.ts";

type Writing = {
  readonly to: Text;
  readonly node: string;
  readonly elaboration: Elaboration;
  readonly keyOf: SinkDraft["key"] | undefined;
};
const ownKey: SinkDraft["key"] = (_value, record) => record.key;

/** `to: topic`: what is written there, or nothing if it cannot be. Events go out under the key of their schema. [Y12] */
export function topicSink(output: string, stream: Stream, writing: Writing): SinkDraft | undefined {
  const { to, node, elaboration, keyOf: textOf = ownKey } = writing;
  const { report } = elaboration;
  const topic = writtenTopic(to, elaboration);
  if (topic === undefined || isBroken(stream)) return undefined;
  if (stream.key.length === 0) {
    report("TOPOLOGY_NO_KEY", to.place, `node "${node}" writes to "${topic.name}" without a key; say "key:" before it`);
    return undefined;
  }
  const drafted = { output, topic: topic.name, place: to.place, kind: "topic" } as const;
  const { holds } = topic;
  if (holds?.kind === "event") {
    if (stream.event !== holds.event) {
      report(
        "TOPOLOGY_WRONG_OUTPUT",
        to.place,
        `"${topic.name}" takes events ${holds.event}, and node "${node}" gives ${described(stream)}`,
      );
      return undefined;
    }
    return {
      ...drafted,
      key: (value, record) => keyOf(value as EventDraft) ?? textOf(value, record),
      encode: (value) => encodeEvent(value as EventDraft),
    };
  }
  const outer = outerKey(stream.key);
  const key: SinkDraft["key"] = (value, record) => outer(textOf(value, record));
  const before = elaboration.written.get(topic.name);
  if (holds === undefined && stream.event !== undefined) {
    if (before !== undefined && before.event !== stream.event) return conflicting(topic, writing);
    elaboration.written.set(topic.name, stream);
    return { ...drafted, key, encode: (value) => encodeEvent(value as EventDraft) };
  }
  const wanted = holds?.type ?? (before?.type as RecordType | undefined);
  if (wanted !== undefined && !isAssignable(stream.type, wanted)) {
    if (holds === undefined) return conflicting(topic, writing);
    const missing = wanted.fields.filter((field) => !isAssignable(stream.type, { ...wanted, fields: [field] }));
    const fields = missing.map(({ name, type }) => `"${name}" (${typeName(type)})`).join(", ");
    report("TOPOLOGY_WRONG_OUTPUT", to.place, `"${topic.name}" takes ${fields}, and node "${node}" gives ${described(stream)}`);
    return undefined;
  }
  const codec = ownCodec(wanted ?? (stream.type as RecordType));
  if (before === undefined) elaboration.written.set(topic.name, stream);
  return { ...drafted, key, encode: (value) => codec.encode(value) };
}

const described = (stream: Stream): string => {
  if (stream.event !== undefined) return `events ${stream.event}`;
  if (stream.type.kind !== "record") return typeName(stream.type);
  return `records of ${stream.type.fields.map(({ name }) => `"${name}"`).join(", ")}`;
};

function conflicting(topic: Topic, { to, node, elaboration }: Writing): undefined {
  elaboration.report("TOPOLOGY_WRONG_OUTPUT", to.place, `node "${node}" writes other records to "${topic.name}" than the node before it`);
}

function writtenTopic(to: Text, { topics, partitions, report }: Elaboration): Topic | undefined {
  const known = topics.get(to.text);
  if (known !== undefined) return known;
  if (!ownTopic.test(to.text)) {
    const hint = didYouMean(to.text, topics.keys());
    report(
      "TOPOLOGY_UNKNOWN_TOPIC",
      to.place,
      `there is no topic "${to.text}"${hint.startsWith("; did") ? hint : `; results go to analytics.…, events to the topic of their schema`}`,
    );
    return undefined;
  }
  const days = to.text.startsWith("audit.") ? 30 : 7;
  const topic: Topic = {
    name: to.text,
    partitions: partitions ?? defaultPartitions,
    retention: { kind: "time", ms: days * dayMs },
    key: [],
    holds: undefined,
    place: undefined,
  };
  topics.set(to.text, topic);
  return topic;
}
