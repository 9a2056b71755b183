import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codecOf } from "./codec/record-codec.ts";
import { judgeSchema } from "./compatibility.ts";
import { openDoors } from "./event-door.ts";
import { eventRegistry, schemaOf } from "./event-registry.ts";
import { type EventSchema, readReleasedSchemas, toReleasedFile } from "./event-schema.ts";
import type { FieldType, RecordField, RecordType } from "./field-type.ts";
import { compileParser } from "./json/compile-parser.ts";
import { ProblemList } from "./json/problem.ts";
import { changesOf, levelOf } from "./schema-change.ts";

const base = schemaOf("inventory.received");

/** The schema with the field `name` of its data changed, or with fields put in place of it. */
function edit(name: string, change: (field: RecordField) => readonly RecordField[], more: Partial<EventSchema> = {}): EventSchema {
  const fields = base.type.fields.map((field) =>
    field.name === "data" && field.type.kind === "record"
      ? { ...field, type: { ...field.type, fields: field.type.fields.flatMap((each) => (each.name === name ? change(each) : [each])) } }
      : field,
  );
  return { ...base, ...more, type: { ...base.type, fields } };
}

function retyped(name: string, type: FieldType): EventSchema {
  return edit(name, (field) => [{ ...field, type }]);
}

const nullable: FieldType = { kind: "nullable", of: { kind: "string" } };
const key: FieldType = { kind: "string", format: "key" };

const kinds: readonly (readonly [string, EventSchema, "none" | "patch" | "minor" | "major"])[] = [
  ["nothing", base, "none"],
  ["words of a field", edit("sku", (field) => [{ ...field, doc: "Another text." }]), "patch"],
  ["an example", edit("sku", (field) => [{ ...field, example: "X" }]), "patch"],
  ["another retention", { ...base, retentionDays: 14 }, "patch"],
  ["a new field that may be null", edit("sku", (field) => [field, { name: "batch", type: nullable }]), "minor"],
  ["a new field with a default", edit("sku", (field) => [field, { name: "batch", type: { kind: "int" }, default: 0 }]), "minor"],
  ["a new field that older events lack", edit("sku", (field) => [field, { name: "batch", type: { kind: "int" } }]), "major"],
  ["a field renamed by an alias", edit("vendorId", (field) => [{ ...field, name: "supplierId", aliases: ["vendorId"] }]), "minor"],
  ["a field renamed without one", edit("sku", (field) => [{ ...field, name: "article" }]), "major"],
  ["a field removed", edit("vendorId", () => []), "major"],
  ["a field deprecated", edit("vendorId", (field) => [{ ...field, deprecated: "use supplierId" }]), "minor"],
  ["int to long", retyped("quantity", { kind: "long", minimum: 1 }), "major"],
  ["int to string", retyped("quantity", { kind: "string" }), "major"],
  ["null allowed", retyped("sku", { kind: "nullable", of: key }), "major"],
  ["null forbidden", retyped("vendorId", key), "major"],
  ["a higher minimum", retyped("quantity", { kind: "int", minimum: 2 }), "major"],
  ["a lower minimum", retyped("quantity", { kind: "int", minimum: 0 }), "minor"],
  ["no minimum", retyped("quantity", { kind: "int" }), "minor"],
  ["a maximum", retyped("quantity", { kind: "int", minimum: 1, maximum: 9 }), "major"],
  ["a default", edit("quantity", (field) => [{ ...field, default: 1 }]), "minor"],
  ["no format", retyped("sku", { kind: "string" }), "minor"],
  ["a list of allowed texts where any was", retyped("sku", { kind: "string", oneOf: ["A"] }), "major"],
  ["another topic", { ...base, topic: "business.inventory.arrived" }, "major"],
  ["another key", { ...base, key: ["data.vendorId"] }, "major"],
  ["other partitions", { ...base, partitions: 24 }, "major"],
];

describe("the kind of a change", () => {
  test.each(kinds)("[E10] %s", (_, after, level) => {
    expect(levelOf(changesOf(base, after))).toBe(level);
  });

  test("[E10] lists of allowed texts: more is looser, fewer is tighter", () => {
    const two = retyped("sku", { kind: "string", oneOf: ["A", "B"] });
    const three = retyped("sku", { kind: "string", oneOf: ["A", "B", "C"] });
    expect(levelOf(changesOf(two, three))).toBe("minor");
    expect(levelOf(changesOf(three, two))).toBe("major");
  });

  test("[E10] only the order of fields is a patch, with an id of its own", () => {
    const data = base.type.fields.at(-1)!;
    const turned: RecordType = { ...(data.type as RecordType), fields: (data.type as RecordType).fields.toReversed() };
    const after = {
      ...base,
      version: "1.0.1",
      type: { ...base.type, fields: [...base.type.fields.slice(0, -1), { ...data, type: turned }] },
    };
    expect(levelOf(changesOf(base, after))).toBe("patch");
    expect(judgeSchema(after, [base]).refusals).toEqual([expect.stringContaining("schemaId")]);
    expect(judgeSchema({ ...after, schemaId: 999 }, [base]).refusals).toEqual([]);
  });
});

describe("the version of a change", () => {
  const added = edit("sku", (field) => [field, { name: "batch", type: nullable }], { schemaId: 999 });
  test.each([
    ["1.1.0", 0],
    ["1.0.0", 1],
    ["1.0.1", 1],
    ["2.0.0", 1],
    ["1.2.0", 1],
  ])("[E10] a MINOR change of 1.0.0 as %s has %i refusals", (version, count) => {
    expect(judgeSchema({ ...added, version }, [base])).toMatchObject({ level: "minor", refusals: { length: count } });
  });

  test("[E10] other bytes under a released id are refused", () => {
    expect(judgeSchema({ ...added, version: "1.1.0", schemaId: base.schemaId }, [base]).refusals).toEqual([
      expect.stringContaining("schemaId"),
    ]);
  });

  test("[E10] words only may keep the id", () => {
    expect(judgeSchema({ ...kinds[1]![1], version: "1.0.1" }, [base])).toMatchObject({ level: "patch", refusals: [], release: true });
  });

  test("[E10] deprecated fields warn, and a first version is 1.0.0", () => {
    const schema = edit("vendorId", (field) => [{ ...field, deprecated: "use supplierId" }], { version: "0.1.0" });
    expect(judgeSchema(schema, [])).toMatchObject({
      level: "new",
      refusals: [expect.stringContaining("1.0.0")],
      warnings: ["inventory.received data.vendorId is deprecated: use supplierId"],
    });
  });

  test("[E10] every schema of the house is released as it is", () => {
    for (const schema of eventRegistry) {
      expect(judgeSchema(schema, readReleasedSchemas(schema.eventType))).toMatchObject({ refusals: [], level: "none" });
    }
  });

  test("[E10] released copies are read back as they were, the oldest first", () => {
    const folder = mkdtempSync(join(tmpdir(), "schemas-"));
    mkdirSync(join(folder, base.eventType));
    for (const version of ["1.10.0", "1.9.0", "2.0.0"]) {
      writeFileSync(join(folder, base.eventType, `${version}.avsc.json`), toReleasedFile({ ...base, version }));
    }
    const released = readReleasedSchemas(base.eventType, folder);
    expect(released.map(({ version }) => version)).toEqual(["1.9.0", "1.10.0", "2.0.0"]);
    expect(released[0]).toEqual({ ...base, version: "1.9.0" });
  });
});

describe("JSON of released versions", () => {
  const current = edit(
    "vendorId",
    (field) => [
      { ...field, name: "supplierId", aliases: ["vendorId"] },
      { name: "pallets", type: { kind: "int", minimum: 1 }, default: 1 },
    ],
    { version: "2.0.0", schemaId: 999 },
  );
  const hopeless = retyped("quantity", { kind: "string" });
  const doors = openDoors(current, [{ ...hopeless, version: "0.9.0" }, base, { ...current, version: "2.0.0" }]);

  test("[E11] the current version and all that it can be made of have a door", () => {
    expect([...doors.older.keys()]).toEqual(["1.0.0"]);
  });

  test("[E11] an event of an older major version is read by its own rules and becomes one of the current", () => {
    const door = doors.older.get("1.0.0")!;
    const envelope = {
      eventId: "e",
      eventType: "inventory.received",
      eventVersion: "1.0.0",
      source: "s",
      timestamp: "2026-11-21T09:00:00Z",
    };
    const problems = new ProblemList();
    const event = door.parse({ ...envelope, data: { sku: "A", quantity: 3, vendorId: "v" } }, problems);
    expect(problems.size).toBe(0);
    expect(door.upcast!(event)).toMatchObject({
      eventVersion: "1.0.0",
      data: { sku: "A", quantity: 3, supplierId: "v", pallets: 1, warehouseId: null },
    });
    door.parse({ ...envelope, data: { sku: "A", quantity: 3, supplierId: "v" } }, problems);
    expect(problems.warnings).toMatchObject([{ pointer: "/data/supplierId", code: "unknown_field" }]);
  });
});

describe("older events under a newer schema", () => {
  const old: RecordType = {
    kind: "record",
    name: "Old",
    fields: [
      { name: "gone", type: { kind: "array", items: { kind: "string" } } },
      { name: "count", type: { kind: "int" } },
      { name: "vendor", type: { kind: "string" } },
      { name: "note", type: { kind: "string" } },
      { name: "maybe", type: { kind: "nullable", of: { kind: "int" } } },
    ],
  };
  const now: RecordType = {
    kind: "record",
    name: "Old",
    fields: [
      { name: "note", type: { kind: "nullable", of: { kind: "string" } } },
      { name: "supplier", type: { kind: "string" }, aliases: ["vendor"] },
      { name: "count", type: { kind: "double" } },
      { name: "added", type: nullable },
      { name: "places", type: { kind: "int" }, default: 2 },
      { name: "maybe", type: { kind: "int" } },
      { name: "where", type: { kind: "record", name: "Where", fields: [{ name: "aisle", type: { kind: "int" } }] }, default: { aisle: 7 } },
    ],
  };
  const written = { gone: ["x", "y"], count: 5, vendor: "v", note: "n", maybe: 3 };

  test("[E11] fields are found by name or alias, absent ones take their defaults, ints widen", () => {
    const bytes = codecOf(old).encode(written);
    expect(codecOf(now, old).decode(bytes)).toEqual({
      note: "n",
      supplier: "v",
      count: 5,
      added: null,
      places: 2,
      maybe: 3,
      where: { aisle: 7 },
    });
  });

  test("[E11] a null where none is allowed any more is corrupt, not a value", () => {
    const bytes = codecOf(old).encode({ ...written, maybe: null });
    expect(() => codecOf(now, old).decode(bytes)).toThrow(expect.objectContaining({ code: "SCHEMA_CORRUPT" }));
  });

  test.each([
    ["string as int", { kind: "string" }, { kind: "int" }],
    ["long as int", { kind: "long" }, { kind: "int" }],
    ["array as map", { kind: "array", items: { kind: "int" } }, { kind: "map", values: { kind: "int" } }],
    ["money as decimal", { kind: "money" }, { kind: "decimal", precision: 18, scale: 4 }],
    ["another scale", { kind: "decimal", precision: 18, scale: 2 }, { kind: "decimal", precision: 18, scale: 4 }],
    ["record as string", old, { kind: "string" }],
  ] as readonly (readonly [string, FieldType, FieldType])[])("[E11] %s is refused when the reader is made", (_, before, after) => {
    expect(() => codecOf(after, before)).toThrow(expect.objectContaining({ code: "SCHEMA_INCOMPATIBLE" }));
  });

  test("[E11] a new field without default makes older events unreadable", () => {
    expect(() => codecOf({ ...now, fields: [...now.fields, { name: "must", type: { kind: "int" } }] }, old)).toThrow(
      /"must" has no default/,
    );
  });

  test("[E11] JSON under the old name of a field is taken, with a warning; so is a deprecated field", () => {
    const parse = compileParser({ ...now, fields: [now.fields[1]!, { ...now.fields[4]!, deprecated: "use where" }] });
    const problems = new ProblemList();
    expect(parse({ vendor: "v", places: 3 }, problems)).toEqual({ supplier: "v", places: 3 });
    expect(problems.errors).toEqual([]);
    expect(problems.warnings).toMatchObject([
      { pointer: "/vendor", code: "deprecated_field" },
      { pointer: "/places", code: "deprecated_field" },
    ]);
  });
});
