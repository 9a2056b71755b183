import { codecOf, type ValueCodec } from "#schemas/codec/record-codec.ts";
import type { FieldType, RecordType } from "#schemas/field-type.ts";

const nothing: ValueCodec<unknown> = { encode: () => Buffer.alloc(0), decode: () => ({}) };

/** The codec of the topology's own records; one without fields, as the arguments of `count()` are, has no bytes. */
export function ownCodec<V = unknown>(type: RecordType): ValueCodec<V> {
  return type.fields.length === 0 ? (nothing as ValueCodec<V>) : codecOf<V>(namedByPath(type, type.name));
}

/** Expressions bring records of one name together that differ, in fields left out or not null any more; Avro wants a name for each. */
function namedByPath<T extends FieldType>(type: T, name: string): T {
  if (type.kind === "nullable") return { ...type, of: namedByPath(type.of, name) };
  if (type.kind === "array") return { ...type, items: namedByPath(type.items, name) };
  if (type.kind === "map") return { ...type, values: namedByPath(type.values, name) };
  if (type.kind !== "record") return type;
  return { ...type, name, fields: type.fields.map((field) => ({ ...field, type: namedByPath(field.type, `${name}_${field.name}`) })) };
}
