import { Buffer } from "node:buffer";
import { fieldName } from "../codec/compile-writer.ts";

/** The chosen top-level fields of a JSON object as `JSON.parse` gives them; undefined where there is none. */
export type Projected<Name extends string> = { readonly [name in Name]: unknown };

/** Node's own slices, which `toString` ends in: undocumented, and the shortest way from bytes to text. */
type TextBuffer = Buffer & Record<"latin1Slice" | "utf8Slice", (from: number, end: number) => string>;

/** Bits of one number say which fields were found. */
const mostFields = 30;

/**
 * Compiles a reader of some top-level fields of JSON objects, as one generated function. It reads what it must from the bytes and stops behind the last
 * field it wants: what it passes over it does not check. Whatever is unusual (an escape, an exponent, a long number) is left to `JSON.parse`, which
 * decides. JSON that is no object has no fields; of a name that occurs twice either value may come (RFC 8259, 4 leaves it open).
 * The reader throws a SyntaxError for what it sees to be no JSON.
 *
 * @throws {SchemaError} `SCHEMA_INVALID` for a name that is no name for a field
 */
export function jsonProjection<const Name extends string>(names: readonly Name[]): (bytes: Uint8Array) => Projected<Name> {
  const whole = (bytes: TextBuffer): Projected<Name> => pick(names, JSON.parse(bytes.utf8Slice(0, bytes.length)));
  const fields = names.map((name) => fieldName(name));
  if (fields.length === 0 || fields.length > mostFields) return (bytes) => whole(textBuffer(bytes));
  const properties = fields.map((name, i) => `${name}: v${i}`);
  const text = `"use strict"; return function project(bytes) {
    const b = textBuffer(bytes), e = b.length;
    let p = 0, c = 0, found = 0, ${fields.map((_, i) => `v${i}`).join(", ")};
    ${skipSpace}
    if (c !== 123) return whole(b);
    for (p++; ;) {
      ${skipSpace}
      if (c !== 34) { if (c === 125 && p === e - 1) break; return whole(b); }
      const name = ++p;
      while (p < e && (c = b[p]) !== 34 && c !== 92) p++;
      if (p >= e || c === 92) return whole(b);
      let field = -1;
      switch (p++ - name) { ${casesOf(fields)} }
      ${skipSpace}
      if (c !== 58) return whole(b);
      p++;
      ${skipSpace}
      let value;
      if (c === 34) {
        const from = ++p;
        if (field < 0) { while (p < e && (c = b[p]) !== 34) p += c === 92 ? 2 : 1; }
        else {
          let all = 0;
          while (p < e && (c = b[p]) !== 34 && c !== 92 && c > 31) { all |= c; p++; }
          if (c !== 34) return whole(b);
          value = all < 128 ? b.latin1Slice(from, p) : b.utf8Slice(from, p);
        }
        if (p >= e) return whole(b);
        p++;
      } else {
        const from = p;
        if (c === 123 || c === 91) p = behindNested(b, p, e);
        else while (p < e && (c = b[p]) !== 44 && c !== 125 && c > 32) p++;
        if (p >= e) return whole(b);
        if (field >= 0) value = b[from] < 58 ? numberOf(b, from, p) : JSON.parse(b.utf8Slice(from, p));
      }
      if (field >= 0) {
        switch (field) { ${fields.map((_, i) => `case ${i}: v${i} = value; break;`).join(" ")} }
        if ((found |= 1 << field) === ${2 ** fields.length - 1}) break;
      }
      ${skipSpace}
      if (c === 44) { p++; ${skipSpace} if (c !== 34) return whole(b); }
      else if (c !== 125) return whole(b);
    }
    return { ${properties.join(", ")} };
  }`;
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  const compile = new Function("textBuffer", "whole", "behindNested", "numberOf", text);
  return compile(textBuffer, whole, behindNested, numberOf) as (bytes: Uint8Array) => Projected<Name>;
}

/** Ends with the first byte behind white space in `c`. */
const skipSpace = "while (p < e && ((c = b[p]) === 32 || c === 10 || c === 13 || c === 9)) p++;\nif (p >= e) return whole(b);";

/** The name's bytes are compared only with those of the same length. */
function casesOf(fields: readonly string[]): string {
  const byLength = Map.groupBy(fields.keys(), (i) => fields[i]!.length);
  const cases = [...byLength].map(([length, same]) => {
    const tests = same.map((i) => {
      const equal = [...Buffer.from(fields[i]!)].map((byte, at) => `b[name + ${at}] === ${byte}`);
      return `if (${equal.join(" && ")}) field = ${i};`;
    });
    return `case ${length}: ${tests.join(" else ")} break;`;
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

const powers = Array.from({ length: 23 }, (_, i) => 10 ** i);

/** Exact, as a mantissa below 2^53 over a power of ten up to 10^22 is rounded once. @throws {SyntaxError} */
function numberOf(bytes: TextBuffer, from: number, end: number): number {
  const negative = bytes[from] === 45;
  const first = negative ? from + 1 : from;
  let mantissa = 0;
  let point = -1;
  for (let p = first; p < end; p++) {
    const digit = bytes[p]! - 48;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (digit === -2 && point < 0 && p > first) point = p;
    else return JSON.parse(bytes.utf8Slice(from, end)) as number;
  }
  const decimals = point < 0 ? 0 : end - 1 - point;
  const leadingZero = bytes[first] === 48 && end - first > 1 && point !== first + 1;
  if (end === first || leadingZero || point === end - 1 || mantissa > Number.MAX_SAFE_INTEGER || decimals > 22) {
    return JSON.parse(bytes.utf8Slice(from, end)) as number;
  }
  const value = decimals > 0 ? mantissa / powers[decimals]! : mantissa;
  return negative ? -value : value;
}
