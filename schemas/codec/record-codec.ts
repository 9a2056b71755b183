import { Buffer } from "node:buffer";
import type { AvroSchema } from "../avro-schema.ts";
import { type FieldType, fromAvro } from "../field-type.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { compileReader } from "./compile-reader.ts";
import { compileWriter } from "./compile-writer.ts";

/** How values of one type become bytes and come back; equal values give equal bytes. */
export type ValueCodec<V> = {
  /** A view that stays valid and shares its memory with its neighbours. @throws {SchemaError} `SCHEMA_NOT_ENCODABLE` */
  encode(value: V): Buffer;
  /** Of bytes that hold nothing else, or of some of them. @throws {SchemaError} `SCHEMA_TRUNCATED`, `SCHEMA_TRAILING_BYTES`, `SCHEMA_CORRUPT`, `SCHEMA_UNSAFE_INTEGER` */
  decode(bytes: Uint8Array, from?: number, end?: number): V;
};

const writer = new ByteWriter();
const reader = new ByteReader();

/** The codec of an Avro schema, without framing; map, array and union values are JavaScript's own, see `FieldType`. */
export function recordCodec<V = unknown>(schema: AvroSchema): ValueCodec<V> {
  return codecOf<V>(fromAvro(schema));
}

/**
 * The codec of a type, without framing; with `written`, the type of the bytes that are read where it is an older one (Avro's resolution).
 * @throws {SchemaError} `SCHEMA_INVALID`, `SCHEMA_INCOMPATIBLE`
 */
export function codecOf<V = unknown>(type: FieldType, written: FieldType = type): ValueCodec<V> {
  const write = compileWriter(type);
  const read = compileReader(written, type);
  return {
    encode(value) {
      writer.begin();
      write(value, writer);
      return writer.finish();
    },
    decode(bytes, from, end) {
      reader.open(bytes, from, end);
      const value = read(reader) as V;
      reader.close();
      return value;
    },
  };
}
