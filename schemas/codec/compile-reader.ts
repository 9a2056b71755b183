import type { DefaultValue } from "../avro-schema.ts";
import { type FieldType, type RecordField, type RecordType } from "../field-type.ts";
import { SchemaError } from "../schema-error.ts";
import type { ByteReader } from "./byte-reader.ts";
import { fieldName } from "./compile-writer.ts";

/** Reads one value; what its bytes do wrong is thrown as a SchemaError. */
export type ReadValue = (reader: ByteReader) => unknown;

/** The fields to be read, by name; `true` for a whole field. */
export type Projection = true | ReadonlyMap<string, Projection>;

/**
 * The reader of bytes written as `writer`, answering values of `reader` (Avro's schema resolution: fields by name or alias, defaults for
 * what is absent, int → long → double), or only its projected fields. Everything else is stepped over, and still has to be well-formed.
 * @throws {SchemaError} `SCHEMA_INCOMPATIBLE` if values of the one cannot be read as the other
 */
export function compileReader(writer: FieldType, reader: FieldType, projection: Projection = true): ReadValue {
  const text = new ReaderText();
  const value = text.read(writer, reader, { projection, path: "" });
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  return new Function("limits", `"use strict"; return function read(r) {\n${text.lines.join("\n")}\nreturn ${value};\n}`)(
    text.limits,
  ) as ReadValue;
}

/** Paths such as `data.items.sku` as one projection; a path names a field of each item of an array. */
export function projectionOf(paths: readonly string[]): Projection {
  const root = new Map<string, Projection>();
  for (const path of paths) {
    const names = path.split(".");
    let at: Map<string, Projection> = root;
    for (const [i, name] of names.entries()) {
      const next = at.get(name);
      if (next === true) break;
      if (i === names.length - 1) at.set(name, true);
      else if (next !== undefined) at = next as Map<string, Projection>;
      else {
        const fresh = new Map<string, Projection>();
        at.set(name, fresh);
        at = fresh;
      }
    }
  }
  return root;
}

type Place = { readonly projection: Projection; readonly path: string };
const widenings: Readonly<Record<string, readonly string[]>> = { int: ["int", "long", "double"], long: ["long", "double"] };

class ReaderText {
  readonly lines: string[] = [];
  readonly limits: bigint[] = [];
  #names = 0;

  #name(): string {
    return `v${this.#names++}`;
  }

  /** Adds the lines that read a value and answers the name of the constant that holds it. */
  read(writer: FieldType, reader: FieldType, place: Place): string {
    if (writer.kind === "nullable" || reader.kind === "nullable") return this.#nullable(writer, reader, place);
    const value = this.#name();
    switch (writer.kind) {
      case "record": {
        if (reader.kind !== "record") throw incompatible(writer, reader, place);
        return this.#record(writer, reader, place);
      }
      case "array":
        if (reader.kind !== "array") throw incompatible(writer, reader, place);
        this.lines.push(`const ${value} = [];`);
        this.#block(() => this.lines.push(`${value}.push(${this.read(writer.items, reader.items, place)});`));
        return value;
      case "map":
        if (reader.kind !== "map") throw incompatible(writer, reader, place);
        this.lines.push(`const ${value} = Object.create(null);`);
        this.#block(() => {
          const key = this.#name();
          this.lines.push(`const ${key} = r.string();`);
          this.lines.push(`${value}[${key}] = ${this.read(writer.values, reader.values, place)};`);
        });
        return value;
      case "decimal":
        if (reader.kind !== "decimal" || reader.scale !== writer.scale) throw incompatible(writer, reader, place);
        this.limits.push(10n ** BigInt(reader.precision));
        this.lines.push(`const ${value} = r.decimal(limits[${this.limits.length - 1}]);`);
        return value;
      case "money":
        if (reader.kind !== "money") throw incompatible(writer, reader, place);
        this.lines.push(`const ${value} = r.money();`);
        return value;
      case "string":
      case "int":
      case "long":
      case "double":
      case "boolean":
      case "timestamp":
      case "bytes":
        if (!(widenings[writer.kind] ?? [writer.kind]).includes(reader.kind)) throw incompatible(writer, reader, place);
        this.lines.push(`const ${value} = ${constantText(writer) ?? `r.${writer.kind}()`};`);
        return value;
    }
  }

  #nullable(writer: FieldType, reader: FieldType, place: Place): string {
    const of = reader.kind === "nullable" ? reader.of : reader;
    if (writer.kind !== "nullable") return this.read(writer, of, place);
    const value = this.#name();
    const absent =
      reader.kind === "nullable"
        ? ""
        : `else r.fail("SCHEMA_CORRUPT", ${JSON.stringify(`null where ${place.path || "a value"} has none`)});`;
    this.lines.push(`let ${value} = null; if (r.present()) {`);
    const inner = this.read(writer.of, of, place);
    this.lines.push(`${value} = ${inner}; } ${absent}`);
    return value;
  }

  #record(writer: RecordType, reader: RecordType, place: Place): string {
    // Items without bytes would let a few bytes claim any number of them.
    if (writer.fields.length === 0) throw new SchemaError("SCHEMA_INVALID", `the record ${writer.name} has no fields`);
    const values = new Map<RecordField, string>();
    for (const written of writer.fields) {
      const field =
        reader.fields.find(({ name }) => name === written.name) ?? reader.fields.find(({ aliases }) => aliases?.includes(written.name));
      const projection = field === undefined ? undefined : projected(place.projection, field);
      if (field === undefined || values.has(field)) this.skip(written.type);
      else if (projection === undefined) {
        // What nobody reads must still be readable: an incompatible change is found when the reader is made, not by a record.
        new ReaderText().read(written.type, field.type, { projection: true, path: joined(place.path, field.name) });
        this.skip(written.type);
      } else values.set(field, this.read(written.type, field.type, { projection, path: joined(place.path, field.name) }));
    }
    const properties: string[] = [];
    for (const field of reader.fields) {
      const projection = projected(place.projection, field);
      if (!values.has(field) && field.default === undefined && field.type.kind !== "nullable") {
        if (projection !== undefined || !writer.fields.some((written) => isSame(field, written))) {
          throw new SchemaError("SCHEMA_INCOMPATIBLE", `"${field.name}" has no default and is not in what was written`, { at: place.path });
        }
      }
      if (projection === undefined) continue;
      properties.push(`${fieldName(field.name)}: ${values.get(field) ?? defaultText(field.type, field.default ?? null)}`);
    }
    const record = this.#name();
    this.lines.push(`const ${record} = { ${properties.join(", ")} };`);
    return record;
  }

  /** A loop over the items of all blocks of an array or map. */
  #block(body: () => void): void {
    const count = this.#name();
    this.lines.push(`for (let ${count} = r.block(); ${count} > 0; ${count} = r.block()) for (; ${count} > 0; ${count}--) {`);
    body();
    this.lines.push("}");
  }

  skip(type: FieldType): void {
    switch (type.kind) {
      case "string":
      case "bytes":
      case "decimal":
        this.lines.push(`${constantText(type) ?? "r.skipBytes()"};`);
        return;
      case "int":
      case "long":
      case "timestamp":
        this.lines.push("r.skipLong();");
        return;
      case "double":
        this.lines.push("r.skip(8);");
        return;
      case "boolean":
        this.lines.push("r.skip(1);");
        return;
      case "money":
        this.lines.push("r.skipBytes(); r.skipBytes();");
        return;
      case "nullable":
        this.lines.push("if (r.present()) {");
        this.skip(type.of);
        this.lines.push("}");
        return;
      case "array":
        this.#block(() => this.skip(type.items));
        return;
      case "map":
        this.#block(() => {
          this.lines.push("r.skipBytes();");
          this.skip(type.values);
        });
        return;
      case "record":
        for (const field of type.fields) this.skip(field.type);
    }
  }
}

function projected(projection: Projection, field: RecordField): Projection | undefined {
  return projection === true ? true : projection.get(field.name);
}

function isSame(field: RecordField, written: RecordField): boolean {
  return field.name === written.name || (field.aliases?.includes(written.name) ?? false);
}

/** A text that can only be one, as the event type is in an event's schema: anything else is another event's bytes. */
function constantText(type: FieldType): string | undefined {
  const only = type.kind === "string" && type.oneOf?.length === 1 ? type.oneOf[0] : undefined;
  return only !== undefined && /^[ -~]{1,63}$/.test(only) ? `r.constant(${JSON.stringify(only)})` : undefined;
}

function joined(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function incompatible(writer: FieldType, reader: FieldType, place: Place): SchemaError {
  return new SchemaError("SCHEMA_INCOMPATIBLE", `a ${writer.kind} cannot be read as a ${reader.kind}`, { at: place.path || "the value" });
}

/** A default as a literal of the decoded form: fields that it leaves out take their own defaults. */
function defaultText(type: FieldType, value: DefaultValue): string {
  if (type.kind === "nullable") return value === null ? "null" : defaultText(type.of, value);
  if (type.kind === "record" && typeof value === "object" && value !== null && !Array.isArray(value)) {
    const given = value as { readonly [name: string]: DefaultValue };
    return `{ ${type.fields.map((f) => `${fieldName(f.name)}: ${defaultText(f.type, given[f.name] ?? f.default ?? null)}`).join(", ")} }`;
  }
  if (type.kind === "decimal" && typeof value === "number") return `${value}n`;
  return JSON.stringify(value);
}
