import type { Buffer } from "node:buffer";
import { ByteReader } from "./codec/byte-reader.ts";
import { ByteWriter } from "./codec/byte-writer.ts";
import { type Projection, type ReadValue, compileReader, projectionOf } from "./codec/compile-reader.ts";
import { type WriteValue, compileWriter } from "./codec/compile-writer.ts";
import { isEventType, schemaOf, schemaOfId } from "./event-registry.ts";
import type { EventSchema } from "./event-schema.ts";
import type { EventType } from "./event-types.ts";
import { fieldAt } from "./field-type.ts";
import { type SchemaErrorCode, SchemaError } from "./schema-error.ts";
import type { EventDraft, ShopEvent } from "./shop-event.ts";

/** What bytes turned out to be. What cannot be decoded is a value, not an exception: its record goes to the dead letters. */
export type Decoded<E = ShopEvent> =
  | { readonly kind: "decoded"; readonly event: E; readonly schemaId: number }
  | { readonly kind: "undecodable"; readonly code: SchemaErrorCode; readonly detail: string };

/** Bytes in front of an encoded event: 0x00 and its schema id, as Confluent frames them. */
export const framingBytes = 5;

const writer = new ByteWriter();
const reader = new ByteReader();

/** Compiled when an event of the type is first written: a process meets only some of them. */
const writers = new Map<string, Writer>();
type Writer = { readonly schemaId: number; readonly write: WriteValue };

function writerOf(eventType: string): Writer {
  let found = writers.get(eventType);
  if (found === undefined) {
    if (!isEventType(eventType))
      throw new SchemaError("SCHEMA_NOT_ENCODABLE", `unknown event type ${String(eventType)}`, { at: "eventType" });
    const { schemaId, type } = schemaOf(eventType);
    found = { schemaId, write: compileWriter(type) };
    writers.set(eventType, found);
  }
  return found;
}

/**
 * The event as bytes: 0x00, schema id (4 bytes, highest first), Avro body. A view that stays valid and shares its memory with its
 * neighbours. Types are checked, constraints are not. [E1] @throws {SchemaError} `SCHEMA_NOT_ENCODABLE` naming the field
 */
export function encodeEvent(event: EventDraft): Buffer {
  const { schemaId, write } = writerOf(event.eventType);
  writer.begin();
  writer.byte(0);
  writer.uint32(schemaId);
  write(event, writer);
  return writer.finish();
}

/** The event in bytes of any type and any released version, as its current schema has it; or in some of the bytes. Never throws. [E2] */
export function decodeEvent(bytes: Uint8Array, from = 0, end = bytes.length): Decoded {
  return decodeWhole(bytes, from, end) as Decoded;
}

const wholeReaders = new Map<EventSchema, ReadValue>();

function wholeReader(schema: EventSchema): ReadValue {
  let read = wholeReaders.get(schema);
  if (read === undefined) {
    read = compileReader(schema.type, schemaOf(schema.eventType).type);
    wholeReaders.set(schema, read);
  }
  return read;
}

/** Decodes only some fields of an event; what it answers has just these. */
export type ProjectedDecoder = (bytes: Uint8Array, from?: number, end?: number) => Decoded<Readonly<Record<string, unknown>>>;

const projections = new Map<string, ProjectedDecoder>();

/**
 * A decoder of the fields at the paths (`data.orderId`; `data.items.sku` for each item), of events of one type in any released version.
 * The rest of the bytes is stepped over, but must be well-formed too. Asked twice for the same, it answers the same. [E4]
 * @throws {SchemaError} `SCHEMA_INVALID` for a path that the event does not have
 */
export function projectedDecoder(eventType: EventType, paths: readonly string[]): ProjectedDecoder {
  const name = [eventType, ...[...new Set(paths)].toSorted()].join(" ");
  let decoder = projections.get(name);
  if (decoder === undefined) {
    decoder = compileProjection(eventType, paths);
    projections.set(name, decoder);
  }
  return decoder;
}

function compileProjection(eventType: EventType, paths: readonly string[]): ProjectedDecoder {
  const current = schemaOf(eventType);
  for (const path of paths) {
    if (fieldAt(current.type, path.split(".")) === undefined) {
      throw new SchemaError("SCHEMA_INVALID", `${eventType} has no field ${JSON.stringify(path)}`);
    }
  }
  const projection: Projection = projectionOf(paths);
  const readers = new Map<EventSchema, ReadValue>([[current, compileReader(current.type, current.type, projection)]]);
  const readerOf = (schema: EventSchema): ReadValue => {
    if (schema.eventType !== eventType) {
      throw new SchemaError("SCHEMA_WRONG_EVENT_TYPE", `the bytes hold ${schema.eventType}, not ${eventType}`);
    }
    let read = readers.get(schema);
    if (read === undefined) {
      read = compileReader(schema.type, current.type, projection);
      readers.set(schema, read);
    }
    return read;
  };
  const decode = decoderBy(readerOf);
  return (bytes, from = 0, end = bytes.length) => decode(bytes, from, end) as Decoded<Readonly<Record<string, unknown>>>;
}

type DecodeBetween = (bytes: Uint8Array, from: number, end: number) => Decoded<unknown>;

function decoderBy(readerOf: (schema: EventSchema) => ReadValue): DecodeBetween {
  return (bytes, from, end) => {
    if (end - from < framingBytes || bytes[from] !== 0) {
      return { kind: "undecodable", code: "SCHEMA_BAD_FRAMING", detail: "an event begins with a zero byte and four bytes of schema id" };
    }
    const schemaId = ((bytes[from + 1]! << 24) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 8) | bytes[from + 4]!) >>> 0;
    const schema = schemaOfId(schemaId);
    if (schema === undefined) return { kind: "undecodable", code: "SCHEMA_UNKNOWN_ID", detail: `no schema has the id ${schemaId}` };
    try {
      const read = readerOf(schema);
      reader.open(bytes, from, end);
      reader.skip(framingBytes);
      const event = read(reader);
      reader.close();
      return { kind: "decoded", event, schemaId };
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      return { kind: "undecodable", code: error.code, detail: error.message };
    }
  };
}

const decodeWhole = decoderBy(wholeReader);
