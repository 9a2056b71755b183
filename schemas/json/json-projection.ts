import { Buffer } from "node:buffer";
import { fieldName } from "../codec/compile-writer.ts";
import { shortText } from "../codec/short-text.ts";

/** The chosen top-level fields of a JSON object as `JSON.parse` gives them; undefined where there is none. */
export type Projected<Name extends string> = { readonly [name in Name]: unknown };

/** Node's own slice, which `toString` ends in: undocumented, and the shortest way from bytes to a long text. */
type TextBuffer = Buffer & Record<"utf8Slice", (from: number, end: number) => string>;

/** Bits of one number say which fields were found. */
const mostFields = 30;

/** Reads the fields from the object that lies between `from` and `end`; from the beginning to the end of the bytes when it is not said. */
export type ReadFields<Name extends string> = (bytes: Uint8Array, from?: number, end?: number) => Projected<Name>;

/**
 * Compiles a reader of some top-level fields of JSON objects, as one generated function. It reads what it must from the bytes and stops behind the last
 * field it wants: what it passes over it does not check. Whatever is unusual (an escape, an exponent, a long number) is left to `JSON.parse`, which
 * decides. JSON that is no object has no fields; of a name that occurs twice either value may come (RFC 8259, 4 leaves it open).
 * The reader throws a SyntaxError for what it sees to be no JSON.
 *
 * @throws {SchemaError} `SCHEMA_INVALID` for a name that is no name for a field
 */
export function jsonProjection<const Name extends string>(names: readonly Name[]): ReadFields<Name> {
  const whole = (bytes: TextBuffer, from: number, end: number): Projected<Name> => pick(names, JSON.parse(bytes.utf8Slice(from, end)));
  const fields = names.map((name) => fieldName(name));
  if (fields.length === 0 || fields.length > mostFields)
    return (bytes, from = 0, end = bytes.length) => whole(textBuffer(bytes), from, end);
  const properties = fields.map((name, i) => `${name}: v${i}`);
  const text = `"use strict"; return function project(bytes, begin = 0, e = bytes.length) {
    const b = textBuffer(bytes);
    let p = begin, c = 0, found = 0, ${fields.map((_, i) => `v${i}`).join(", ")};
    ${skipSpace}
    if (c !== 123) return whole(b, begin, e);
    for (p++; ;) {
      ${skipSpace}
      if (c !== 34) { if (c === 125 && p === e - 1) break; return whole(b, begin, e); }
      let field = -1;
      switch (b[++p]) { ${casesOf(fields)} }
      if (field < 0) {
        while (p < e && (c = b[p]) !== 34 && c !== 92) p++;
        if (p >= e || c === 92) return whole(b, begin, e);
        p++;
      }
      ${skipSpace}
      if (c !== 58) return whole(b, begin, e);
      p++;
      ${skipSpace}
      const from = p;
      if (field < 0) {
        if (c === 34) { while (++p < e && (c = b[p]) !== 34) if (c === 92) p++; p++; }
        else if (c === 123 || c === 91) p = behindNested(b, p, e);
        else while (p < e && (c = b[p]) !== 44 && c !== 125 && c > 32) p++;
        if (p >= e) return whole(b, begin, e);
      } else {
        let value;
        if (c === 34) {
          while (++p < e && (c = b[p]) !== 34 && c !== 92 && c > 31);
          if (p >= e || c !== 34) return whole(b, begin, e);
          value = textOf(b, from + 1, p++);
        } else {
          let digits = 0, decimals = -1;
          if (c === 45) p++;
          for (; p < e; p++) {
            c = b[p] - 48;
            if (c >= 0 && c <= 9) { digits = digits * 10 + c; if (decimals >= 0) decimals++; }
            else if (c === -2 && decimals < 0) decimals = 0;
            else break;
          }
          if (p < e && ((c += 48) === 44 || c === 125 || c <= 32) && p - from < ${safeDigits} && isPlain(b, from, p)) {
            value = decimals > 0 ? digits / powers[decimals] : digits;
            if (b[from] === 45) value = -value;
          } else {
            p = from;
            if ((c = b[p]) === 123 || c === 91) p = behindNested(b, p, e);
            else while (p < e && (c = b[p]) !== 44 && c !== 125 && c > 32) p++;
            if (p >= e) return whole(b, begin, e);
            value = JSON.parse(b.utf8Slice(from, p));
          }
        }
        switch (field) { ${fields.map((_, i) => `case ${i}: v${i} = value; break;`).join(" ")} }
        if ((found |= 1 << field) === ${2 ** fields.length - 1}) break;
      }
      ${skipSpace}
      if (c === 44) { p++; ${skipSpace} if (c !== 34) return whole(b, begin, e); }
      else if (c !== 125) return whole(b, begin, e);
    }
    return { ${properties.join(", ")} };
  }`;
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  const compile = new Function("textBuffer", "whole", "behindNested", "textOf", "isPlain", "powers", text);
  return compile(textBuffer, whole, behindNested, textOf, isPlain, powers) as ReadFields<Name>;
}

/** Ends with the first byte behind white space in `c`. */
const skipSpace =
  "while (p < e && (c = b[p]) <= 32 && (c === 32 || c === 10 || c === 13 || c === 9)) p++;\nif (p >= e) return whole(b, begin, e);";

/** A name's bytes and the quote behind them are compared only where the first byte is that of a field's. */
function casesOf(fields: readonly string[]): string {
  const byFirst = Map.groupBy(fields.keys(), (i) => fields[i]!.charCodeAt(0));
  const cases = [...byFirst].map(([first, same]) => {
    const tests = same.map((i) => {
      const bytes = [...Buffer.from(`${fields[i]!}"`)];
      const equal = bytes.slice(1).map((byte, at) => `b[p + ${at + 1}] === ${byte}`);
      return `if (p + ${bytes.length} < e && ${equal.join(" && ")}) { field = ${i}; p += ${bytes.length}; }`;
    });
    return `case ${first}: ${tests.join(" else ")} break;`;
  });
  return cases.join(" ");
}

const textBuffer = (bytes: Uint8Array): TextBuffer =>
  (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as TextBuffer;

function pick<Name extends string>(names: readonly Name[], json: unknown): Projected<Name> {
  const from = (typeof json === "object" && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(names.map((name) => [name, Object.hasOwn(from, name) ? from[name] : undefined])) as Projected<Name>;
}

/** Where an object or array that begins at `from` ends; `end` or more when it does not. */
function behindNested(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0;
  for (let p = from; p < end; p++) {
    const code = bytes[p];
    if (code === 34) {
      p += 1;
      while (p < end && bytes[p] !== 34) p += bytes[p] === 92 ? 2 : 1;
    } else if (code === 123 || code === 91) depth += 1;
    else if ((code === 125 || code === 93) && --depth === 0) return p + 1;
  }
  return end;
}

/** Without control characters, quotes and escapes. */
const textOf = (bytes: TextBuffer, from: number, end: number): string => shortText(bytes, from, end - from) ?? bytes.utf8Slice(from, end);

/** Of fewer characters than this a number's digits are exact as a double. */
const safeDigits = 16;
const powers = Array.from({ length: safeDigits }, (_, i) => 10 ** i);

/** Whether digits with a point or without it are a number as JSON has it: none in front that should not be, some on both sides of the point. */
function isPlain(bytes: TextBuffer, from: number, end: number): boolean {
  const first = bytes[from] === 45 ? from + 1 : from;
  const digit = bytes[first]!;
  return first < end && digit > 46 && bytes[end - 1]! > 46 && (digit > 48 || first + 1 === end || bytes[first + 1] === 46);
}
