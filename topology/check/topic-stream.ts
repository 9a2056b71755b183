import type { RecordType } from "#schemas/field-type.ts";
import type { Text } from "../parse/syntax.ts";
import { brokenStream, type Stream } from "../streams/stream.ts";
import type { Elaboration } from "./elaboration.ts";

/** What a topic holds, as a reader sees it; nothing known, and said so, where nobody says it. */
export function topicStream(name: string, text: Text, { topics, written, report }: Elaboration): Stream {
  const topic = topics.get(name);
  const writer = written.get(name);
  const hops = writer === undefined ? 0 : writer.hops + 1;
  const origins = [{ kind: "topic", topic: name }] as const;
  if (topic?.holds !== undefined) {
    const { holds, key } = topic;
    return { type: holds.type, key, identity: [], event: holds.kind === "event" ? holds.event : undefined, origins, hops };
  }
  if (writer !== undefined) {
    // What is written under a key of several columns has their list as its key.
    return { ...writer, key: writer.key.length > 1 ? [] : writer.key, type: writer.type as RecordType, origins, hops };
  }
  if (topic !== undefined)
    report("TOPOLOGY_UNKNOWN_TOPIC", text.place, `nothing says what "${name}" holds; declare its "fields" under topics:`);
  return brokenStream;
}
