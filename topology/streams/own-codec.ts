import type { Codec } from "@millrace/engine";
import { codecOf } from "#schemas/codec/record-codec.ts";
import type { RecordType } from "#schemas/field-type.ts";

const nothing: Codec<unknown> = { encode: () => new Uint8Array(0), decode: () => ({}) };

/** The codec of the topology's own records; one without fields, as the arguments of `count()` are, has no bytes. */
export const ownCodec = (type: RecordType): Codec<unknown> => (type.fields.length === 0 ? nothing : codecOf(type));
