import { Buffer } from "node:buffer";
import { fieldName } from "../codec/compile-writer.ts";

/** Node's own writer, which `write` ends in: undocumented. */
type TextBuffer = Buffer & Record<"utf8Write" | "latin1Write", (text: string, at: number) => number>;

const smallestBytes = 1024;
/** Longer texts are looked at by `JSON.stringify`, whose start costs more than a short one. */
const shortText = 64;

/**
 * Writes one JSON object after the other into one buffer that grows; what it writes equals what `JSON.stringify` gives. Values begin at `at`; answered is
 * where they end.
 */
class JsonOutput {
  bytes = Buffer.allocUnsafeSlow(smallestBytes) as TextBuffer;
  /** The same bytes. */
  view = new DataView(this.bytes.buffer);
  /** Room that is always there behind what is written: for all that stands between values. */
  readonly #spare: number;
  /** Views from the beginning, by length: a new one costs more than what is in it. */
  #written: (Buffer | undefined)[] = [];

  constructor(spare: number) {
    this.#spare = spare;
    this.#reserve(0, 0);
  }

  upTo(end: number): Buffer {
    return (this.#written[end] ??= this.bytes.subarray(0, end));
  }

  value(value: unknown, at: number): number {
    if (typeof value === "string") return this.#text(value, at);
    if (typeof value === "number") return (value | 0) === value && value >= 0 ? this.#whole(value, at) : this.#number(value, at);
    return this.#other(JSON.stringify(value) ?? "null", at);
  }

  #reserve(at: number, more: number): void {
    const wanted = at + more + this.#spare;
    if (wanted <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, wanted)) as TextBuffer;
    this.bytes.copy(grown, 0, 0, at);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
    this.#written = [];
  }

  #text(text: string, from: number): number {
    const { length } = text;
    if (length > shortText) return this.#other(JSON.stringify(text), from);
    this.#reserve(from, length + 2);
    const { bytes } = this;
    let at = from;
    bytes[at++] = quote;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < 32 || code > 126 || code === quote || code === backslash) return this.#other(JSON.stringify(text), from);
      bytes[at++] = code;
    }
    bytes[at] = quote;
    return at + 1;
  }

  #number(value: number, from: number): number {
    if (!(value >= 0 && value < largestShort)) return this.#other(Number.isFinite(value) ? String(value) : "null", from);
    const hundredths = Math.round(value * 100);
    // The shortest text that reads as the value has at most two decimals exactly when these are them.
    if (hundredths / 100 !== value) return this.#other(String(value), from);
    const whole = Math.floor(hundredths / 100);
    let at = this.#whole(whole, from);
    const rest = hundredths - whole * 100;
    if (rest === 0) return at;
    const { bytes } = this;
    bytes[at++] = 46;
    const tenths = (rest / 10) | 0;
    bytes[at++] = zero + tenths;
    if (rest > tenths * 10) bytes[at++] = zero + rest - tenths * 10;
    return at;
  }

  #other(text: string, at: number): number {
    this.#reserve(at, text.length * 3);
    return at + this.bytes.utf8Write(text, at);
  }

  /** Four digits at a time, from the last; with room for decimals behind them. */
  #whole(value: number, at: number): number {
    this.#reserve(at, longestShort);
    const { bytes } = this;
    let length = 1;
    for (let bound = 10; value >= bound; bound *= 10) length += 1;
    let to = at + length;
    let rest = value;
    while (rest >= 10_000) {
      const higher = Math.floor(rest / 10_000);
      const four = (rest - higher * 10_000) << 2;
      bytes[--to] = fours[four + 3]!;
      bytes[--to] = fours[four + 2]!;
      bytes[--to] = fours[four + 1]!;
      bytes[--to] = fours[four]!;
      rest = higher;
    }
    let left = rest | 0;
    do {
      const higher = (left / 10) | 0;
      bytes[--to] = zero + left - higher * 10;
      left = higher;
    } while (left > 0);
    return at + length;
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
  const between = [...names.map((name, i) => `${i === 0 ? "{" : ","}"${fieldName(name)}":`), names.length === 0 ? "{}" : "}"].map((text) =>
    Buffer.from(text),
  );
  const output = new JsonOutput(between.reduce((sum, { length }) => sum + length, 0));
  const lines = between.map((text, i) => `${literal(text)}${i < names.length ? `at = output.value(value.${names[i]!}, at);` : ""}`);
  const text = `"use strict"; return function write(value) { let at = 0, v; ${lines.join("\n")} return output.upTo(at); }`;
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  const compile = new Function("output", text);
  return compile(output) as (value: { readonly [name in Name]: unknown }) => Buffer;
}

/** Writes bytes that are always the same, four at a time. */
function literal(bytes: Buffer): string {
  const fours = bytes.length >> 2;
  const words = Array.from({ length: fours }, (_, i) => `v.setInt32(at + ${i * 4}, ${bytes.readInt32BE(i * 4)});`);
  const rest = [...bytes.subarray(fours * 4)].map((byte, i) => `v.setInt8(at + ${fours * 4 + i}, ${byte});`);
  return `v = output.view; ${[...words, ...rest].join(" ")} at += ${bytes.length};`;
}
