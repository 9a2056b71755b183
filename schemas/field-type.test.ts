import { describe, expect, test } from "vitest";
import avsc from "avsc";
import type { AvroSchema } from "./avro-schema.ts";
import { eventRegistry, fieldTypeOf } from "./event-registry.ts";
import { type FieldType, fieldAt, fromAvro, toAvro } from "./field-type.ts";

const every: FieldType = {
  kind: "record",
  name: "Every",
  doc: "One of each.",
  fields: [
    { name: "text", type: { kind: "string", maxLength: 9 }, doc: "A text." },
    { name: "small", type: { kind: "int", minimum: 1 } },
    { name: "large", type: { kind: "long" }, default: 0 },
    { name: "real", type: { kind: "double" } },
    { name: "yes", type: { kind: "boolean" }, aliases: ["truth"] },
    { name: "raw", type: { kind: "bytes" } },
    { name: "at", type: { kind: "timestamp" } },
    { name: "sum", type: { kind: "decimal", precision: 38, scale: 4 } },
    { name: "price", type: { kind: "money" } },
    { name: "prices", type: { kind: "map", values: { kind: "money" } } },
    {
      name: "rows",
      type: { kind: "array", items: { kind: "record", name: "Row", fields: [{ name: "n", type: { kind: "int" } }] }, minItems: 1 },
    },
    { name: "maybe", type: { kind: "nullable", of: { kind: "int", maximum: 3 } }, deprecated: "use small" },
  ],
};

describe("types and Avro schemas", () => {
  test("[E8] a type comes back from its Avro schema as it was", () => {
    expect(fromAvro(toAvro(every))).toEqual(every);
    for (const { type } of eventRegistry) expect(fromAvro(toAvro(type))).toEqual(type);
  });

  test("[E8] the Avro schemas are Avro's: avsc takes each of them", () => {
    for (const type of [every, ...eventRegistry.map((schema) => schema.type)]) {
      expect(() => avsc.Type.forSchema(toAvro(type) as avsc.Schema, { noAnonymousTypes: false })).not.toThrow();
    }
  });

  test("[E8] a record used twice is written once and then named; two of one name are refused", () => {
    const row: FieldType = { kind: "record", name: "Row", fields: [{ name: "n", type: { kind: "int" } }] };
    const twice: FieldType = {
      kind: "record",
      name: "Twice",
      fields: [
        { name: "a", type: row },
        { name: "b", type: { ...row } },
      ],
    };
    expect(toAvro(twice)).toMatchObject({ fields: [{ type: { name: "Row" } }, { type: "Row" }] });
    const clash: FieldType = {
      ...twice,
      fields: [
        { name: "a", type: row },
        { name: "b", type: { ...row, fields: [{ name: "m", type: { kind: "int" } }] } },
      ],
    };
    expect(() => toAvro(clash)).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
  });

  test.each([
    ["a union of two types", ["string", "int"]],
    ["null last", ["string", "null"]],
    ["an unknown type", "uuid"],
    ["an unknown logical type", { type: "string", logicalType: "uuid" }],
    ["a record without fields", { type: "record", name: "R", fields: [] }],
    ["a field that JavaScript knows", { type: "record", name: "R", fields: [{ name: "__proto__", type: "int" }] }],
    ["a name that is none", { type: "record", name: "R", fields: [{ name: "a-b", type: "int" }] }],
    [
      "a field twice",
      {
        type: "record",
        name: "R",
        fields: [
          { name: "a", type: "int" },
          { name: "a", type: "int" },
        ],
      },
    ],
    [
      "an alias that is a field",
      {
        type: "record",
        name: "R",
        fields: [
          { name: "a", type: "int" },
          { name: "b", type: "int", aliases: ["a"] },
        ],
      },
    ],
    ["a constraint that cannot be", { type: "record", name: "R", fields: [{ name: "a", type: "int", maxLength: 3 }] }],
    ["a misspelt attribute", { type: "record", name: "R", fields: [{ name: "a", type: "int", minimun: 3 }] }],
  ])("[E8] %s is refused", (_, schema) => {
    expect(() => fromAvro(schema as AvroSchema)).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
  });

  test("[E8] every field of every event has its documentation, through lists and null", () => {
    const missing: string[] = [];
    const walk = (type: FieldType, path: string): void => {
      if (type.kind === "nullable") walk(type.of, path);
      if (type.kind === "array") walk(type.items, path);
      if (type.kind !== "record") return;
      for (const field of type.fields) {
        if (field.doc === undefined) missing.push(`${path}.${field.name}`);
        walk(field.type, `${path}.${field.name}`);
      }
    };
    for (const { eventType, type } of eventRegistry) walk(type, eventType);
    expect(missing).toEqual([]);
  });

  test("[E8] fields are found by their path", () => {
    const order = fieldTypeOf("order.created");
    expect(fieldAt(order, ["data", "items", "unitPrice"])?.type).toEqual({ kind: "money", minimum: 0 });
    expect(fieldAt(order, ["metadata", "sessionId"])?.type.kind).toBe("nullable");
    expect(fieldAt(order, ["data", "items", "price"])).toBeUndefined();
    expect(fieldAt(order, ["eventId", "length"])).toBeUndefined();
  });
});
