import { RecordError, type SourcePlan } from "@millrace/engine";
import { ownCodec } from "../streams/own-codec.ts";
import { decodeEvent, projectedDecoder } from "#schemas/event-codec.ts";
import { fieldTypeOf } from "#schemas/event-registry.ts";
import type { EventType } from "#schemas/event-types.ts";
import { fieldAt, type RecordType } from "#schemas/field-type.ts";
import { SchemaError } from "#schemas/schema-error.ts";

type Decoder = Pick<SourcePlan, "decode" | "decodeAt">;

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
