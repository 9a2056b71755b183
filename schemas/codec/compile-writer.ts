import { type FieldType, type RecordType, forbiddenNames } from "../field-type.ts";
import { type ByteWriter, refuse } from "./byte-writer.ts";
import { SchemaError } from "../schema-error.ts";

/** Writes a value of one type. @throws {SchemaError} `SCHEMA_NOT_ENCODABLE` naming the field, if the value is of another type */
export type WriteValue = (value: unknown, writer: ByteWriter) => void;

/**
 * The writer of a type, as one generated function: every field is read by its name at its own place, which is several times faster than a
 * walk over the schema. Only names checked to be identifiers and JSON literals enter the text.
 */
export function compileWriter(type: FieldType): WriteValue {
  const body = new WriterText();
  body.write(type, "value", "value");
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  return new Function("refuse", "limits", `"use strict"; return function write(value, w) {\n${body.lines.join("\n")}\n}`)(
    refuse,
    body.limits,
  ) as WriteValue;
}

class WriterText {
  readonly lines: string[] = [];
  readonly limits: bigint[] = [];
  #names = 0;

  write(type: FieldType, value: string, path: string): void {
    const at = JSON.stringify(path);
    switch (type.kind) {
      case "string":
      case "int":
      case "long":
      case "double":
      case "boolean":
      case "bytes":
        this.lines.push(`w.${type.kind}(${value}, ${at});`);
        return;
      case "money":
        this.lines.push(`w.money(${value}, ${at}, ${JSON.stringify(`${path}.amount`)});`);
        return;
      case "timestamp":
        this.lines.push(`w.long(${value}, ${at});`);
        return;
      case "decimal":
        this.limits.push(10n ** BigInt(type.precision));
        this.lines.push(`w.decimal(${value}, limits[${this.limits.length - 1}], ${at});`);
        return;
      case "nullable":
        this.lines.push(`if (${value} === null || ${value} === undefined) w.byte(0); else { w.byte(2);`);
        this.write(type.of, value, path);
        this.lines.push("}");
        return;
      case "array":
        this.#array(type.items, value, path);
        return;
      case "map":
        this.#map(type.values, value, path);
        return;
      case "record":
        this.#record(type, value, path);
    }
  }

  #name(): string {
    return `v${this.#names++}`;
  }

  #array(items: FieldType, value: string, path: string): void {
    const item = this.#name();
    this.lines.push(`if (!Array.isArray(${value})) refuse(${value}, "an array", ${JSON.stringify(path)});`);
    this.lines.push(
      `if (${value}.length > 0) { w.long(${value}.length, ""); for (let i = 0; i < ${value}.length; i++) { const ${item} = ${value}[i];`,
    );
    this.write(items, item, `${path}[]`);
    this.lines.push("} } w.byte(0);");
  }

  /** Keys in the order of their code units, so that equal maps give equal bytes. */
  #map(values: FieldType, value: string, path: string): void {
    const keys = this.#name();
    const key = this.#name();
    const entry = this.#name();
    const at = JSON.stringify(path);
    this.lines.push(`if (${value} === null || typeof ${value} !== "object") refuse(${value}, "a map", ${at});`);
    this.lines.push(`const ${keys} = Object.keys(${value}).sort();`);
    this.lines.push(
      `if (${keys}.length > 0) { w.long(${keys}.length, ""); for (const ${key} of ${keys}) { w.string(${key}, ${at}); const ${entry} = ${value}[${key}];`,
    );
    this.write(values, entry, `${path}{}`);
    this.lines.push("} } w.byte(0);");
  }

  #record(type: RecordType, value: string, path: string): void {
    this.lines.push(`if (${value} === null || typeof ${value} !== "object") refuse(${value}, "a record", ${JSON.stringify(path)});`);
    this.lines.push("{");
    for (const field of type.fields) {
      const name = this.#name();
      const place = path === "value" ? field.name : `${path}.${field.name}`;
      const byDefault = field.default === undefined || field.type.kind === "nullable" ? undefined : JSON.stringify(field.default);
      this.lines.push(`${byDefault === undefined ? "const" : "let"} ${name} = ${value}.${fieldName(field.name)};`);
      if (byDefault !== undefined) this.lines.push(`if (${name} === undefined) ${name} = ${byDefault};`);
      this.write(field.type, name, place);
    }
    this.lines.push("}");
  }
}

/** A field's name, safe to be generated into a function. @throws {SchemaError} `SCHEMA_INVALID` */
export function fieldName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || forbiddenNames.has(name)) {
    throw new SchemaError("SCHEMA_INVALID", `${JSON.stringify(name)} is no name for a field`);
  }
  return name;
}
