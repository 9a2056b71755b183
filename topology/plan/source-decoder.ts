import { RecordError, type SourcePlan } from "@millrace/engine";
import type { Elaboration } from "../check/elaboration.ts";
import { ownCodec } from "../streams/own-codec.ts";
import { decodeEvent, projectedDecoder } from "#schemas/event-codec.ts";
import { fieldTypeOf } from "#schemas/event-registry.ts";
import type { EventType } from "#schemas/event-types.ts";
import { fieldAt, type RecordType } from "#schemas/field-type.ts";
import { SchemaError } from "#schemas/schema-error.ts";

type Decoder = Pick<SourcePlan, "decode" | "decodeAt">;

/** How the records of a topic are decoded, and of them the paths that are read. */
export function decoderOf(
  topic: string,
  paths: readonly string[],
  { topics, repartitions, written }: Pick<Elaboration, "topics" | "repartitions" | "written">,
): Decoder {
  const repartition = repartitions.find((one) => one.topic === topic);
  if (repartition !== undefined) return recordDecoder(repartition.type);
  const holds = topics.get(topic)?.holds;
  if (holds?.kind === "event") return eventDecoder(holds.event, paths);
  const writer = written.get(topic);
  if (holds === undefined && writer?.event !== undefined) return eventDecoder(writer.event, paths);
  return recordDecoder(holds?.type ?? (writer!.type as RecordType));
}

/** Decodes events of one type, and of them only the paths that are read. @throws {RecordError} `undecodable` */
export function eventDecoder(event: EventType, paths: readonly string[]): Decoder {
  const type = fieldTypeOf(event);
  // Of events that differ, only what this one has; and something must be read for the rest to be checked.
  const own = paths.filter((path) => path === "" || fieldAt(type, path.split(".")) !== undefined);
  const decode = own.includes("") ? decodeEvent : projectedDecoder(event, own.length === 0 ? ["eventId"] : own);
  return decoderAt((bytes, from, end) => {
    const decoded = decode(bytes, from, end);
    if (decoded.kind === "undecodable") throw new RecordError("undecodable", `${decoded.code}: ${decoded.detail}`);
    if (decode === decodeEvent && (decoded.event as { eventType: string }).eventType !== event) {
      throw new RecordError("undecodable", `SCHEMA_WRONG_EVENT_TYPE: the bytes hold another event than ${event}`);
    }
    return decoded.event;
  });
}

/** Decodes records of the topology's own. @throws {RecordError} `undecodable` */
export function recordDecoder(type: RecordType): Decoder {
  const codec = ownCodec(type);
  return decoderAt((bytes, from, end) => {
    try {
      return codec.decode(bytes, from, end);
    } catch (error) {
      if (error instanceof SchemaError) throw new RecordError("undecodable", `${error.code}: ${error.message}`, error);
      throw error;
    }
  });
}

function decoderAt(decodeAt: NonNullable<SourcePlan["decodeAt"]>): Decoder {
  const decode: SourcePlan["decode"] = (bytes) => {
    if (bytes === null) throw new RecordError("undecodable", "no value");
    return decodeAt(bytes, 0, bytes.length);
  };
  return { decode, decodeAt };
}
