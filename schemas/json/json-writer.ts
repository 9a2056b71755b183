import { Buffer } from "node:buffer";
import { fieldName } from "../codec/compile-writer.ts";

/** Node's own writer, which `write` ends in: undocumented. */
type TextBuffer = Buffer & Record<"utf8Write" | "latin1Write", (text: string, at: number) => number>;

const smallestBytes = 1024;
/** Longer texts are looked at by `JSON.stringify`, whose start costs more than a short one. */
const shortText = 64;

/** Writes one JSON object after the other into one buffer that grows; what it writes equals what `JSON.stringify` gives. */
class JsonOutput {
  bytes = Buffer.allocUnsafeSlow(smallestBytes) as TextBuffer;
  at = 0;
  /** Views from the beginning, by length: a new one costs more than what is in it. */
  #views: (Buffer | undefined)[] = [];

  begin(): void {
    this.at = 0;
  }

  view(): Buffer {
    return (this.#views[this.at] ??= this.bytes.subarray(0, this.at));
  }

  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.at + more)) as TextBuffer;
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
    this.#views = [];
  }

  /** Bytes of what stands between values. */
  literal(text: Uint8Array): void {
    this.reserve(text.length);
    const { bytes } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i++) bytes[at++] = text[i]!;
    this.at = at;
  }

  value(value: unknown): void {
    if (typeof value === "string") this.text(value);
    else if (typeof value === "number") this.number(value);
    else this.other(JSON.stringify(value) ?? "null");
  }

  text(text: string): void {
    const { length } = text;
    if (length > shortText) return this.other(JSON.stringify(text));
    this.reserve(length + 2);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = quote;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < 32 || code > 126 || code === quote || code === backslash) return this.other(JSON.stringify(text));
      bytes[at++] = code;
    }
    bytes[at++] = quote;
    this.at = at;
  }

  number(value: number): void {
    if (!(value >= 0 && value < largestShort)) return this.other(Number.isFinite(value) ? String(value) : "null");
    const hundredths = Math.round(value * 100);
    // The shortest text that reads as the value has at most two decimals exactly when these are them.
    if (hundredths / 100 !== value) return this.other(String(value));
    this.reserve(longestShort);
    const whole = Math.floor(hundredths / 100);
    this.#digits(whole);
    const rest = hundredths - whole * 100;
    if (rest === 0) return;
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = 46;
    const tenths = (rest / 10) | 0;
    bytes[at++] = zero + tenths;
    if (rest > tenths * 10) bytes[at++] = zero + rest - tenths * 10;
    this.at = at;
  }

  other(text: string): void {
    this.reserve(text.length * 3);
    this.at += this.bytes.utf8Write(text, this.at);
  }

  /** Four digits at a time, from the last. */
  #digits(value: number): void {
    const { bytes } = this;
    let length = 1;
    for (let bound = 10; value >= bound; bound *= 10) length += 1;
    let to = this.at + length;
    this.at = to;
    let rest = value;
    while (rest >= 10_000) {
      const higher = Math.floor(rest / 10_000);
      const at = (rest - higher * 10_000) << 2;
      bytes[--to] = fours[at + 3]!;
      bytes[--to] = fours[at + 2]!;
      bytes[--to] = fours[at + 1]!;
      bytes[--to] = fours[at]!;
      rest = higher;
    }
    let left = rest | 0;
    do {
      const higher = (left / 10) | 0;
      bytes[--to] = zero + left - higher * 10;
      left = higher;
    } while (left > 0);
  }
}

const quote = 34;
const backslash = 92;
const zero = 48;
/** Below it, a number times 100 is exact enough to be compared. */
const largestShort = 1e13;
const longestShort = 20;
const fours = Uint8Array.from({ length: 40_000 }, (_, i) => zero + (Math.floor((i >> 2) / 10 ** (3 - (i & 3))) % 10));

/**
 * Compiles a writer of objects with these fields, in this order: the bytes of `JSON.stringify`, in a buffer that the next call uses again.
 * A field that is undefined is written as null.
 *
 * @throws {SchemaError} `SCHEMA_INVALID` for a name that is no name for a field
 */
export function jsonWriter<const Name extends string>(names: readonly Name[]): (value: { readonly [name in Name]: unknown }) => Buffer {
  const output = new JsonOutput();
  const lines = names.map((name, i) => `output.literal(before[${i}]); output.value(value.${fieldName(name)});`);
  const before = names.map((name, i) => Buffer.from(`${i === 0 ? "{" : ","}"${name}":`));
  const text = `"use strict"; return function write(value) { output.begin(); ${lines.join("\n")} output.literal(end); return output.view(); }`;
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  const compile = new Function("output", "before", "end", text);
  return compile(output, before, Buffer.from(names.length === 0 ? "{}" : "}")) as (value: { readonly [name in Name]: unknown }) => Buffer;
}
