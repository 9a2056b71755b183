import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { SeededRandom } from "#schemas/testing/seeded-random.ts";

/** What has no place in an event, or not where it lands. */
const strange: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  -0,
  1.5,
  2 ** 31,
  2 ** 53,
  1e308,
  "",
  " ",
  "NaN",
  "1e3",
  "-0",
  "null",
  "undefined",
  "[object Object]",
  [],
  {},
  [[]],
  [null],
  "\u0000",
  "\u202e",
  "\ufeff",
  "\ud800",
  "é".repeat(100),
  "x".repeat(20_000),
  "9".repeat(400),
  "../../etc/passwd",
  "'; DROP TABLE batches; --",
  "=HYPERLINK(1)",
  "2026-02-30T00:00:00Z",
  "9999-12-31T23:59:59Z",
  "1969-01-01T00:00:00Z",
  "+275760-09-13T00:00:00Z",
  "order.created",
  "__proto__",
  "constructor",
  { __proto__: null, toString: 1 },
  Array.from({ length: 600 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, i])),
];
/** Each time a thing of its own: what is picked may be mutated in its turn. */
const pickStrange = (random: SeededRandom): unknown => structuredClone(random.pick(strange));
const strangeNames = ["__proto__", "constructor", "prototype", "toString", "", "a/b", "a~b", "eventId", "data", "\ud800", "x".repeat(300)];

/** The event with one to three things about it changed: values, names, missing or additional fields, at any depth. */
export function mutateEvent(event: unknown, random: SeededRandom): unknown {
  const copy = structuredClone(event);
  let mutated: unknown = copy;
  for (let n = random.between(1, 3); n > 0; n--) {
    const places = placesOf(mutated);
    if (places.length === 0) return pickStrange(random);
    const { parent, name } = random.pick(places);
    const kind = random.between(0, 5);
    if (kind === 0 && !Array.isArray(parent)) delete parent[name];
    else if (kind === 1) define(parent, random.pick(strangeNames), pickStrange(random));
    else if (kind === 2) define(parent, name, nested(random.pick([10, 31, 32, 33, 40])));
    else if (kind === 3 && typeof parent[name] === "string") define(parent, `${name}x`, parent[name]);
    else define(parent, name, pickStrange(random));
    if (random.chance(0.02)) mutated = pickStrange(random);
  }
  return mutated;
}

type Container = Record<string, unknown>;

// As JSON.parse does it: a plain assignment of `__proto__` would be lost.
const define = (target: Container, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};

function placesOf(value: unknown): { readonly parent: Container; readonly name: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Container;
  return Object.keys(parent).flatMap((name) => [{ parent, name }, ...placesOf(parent[name])]);
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** The text of an event, sometimes with what only text can hold: a key twice, a number beyond a double, an escaped name, space. */
export function writeEvent(event: unknown, random: SeededRandom): string {
  const text = JSON.stringify(event) ?? "null";
  switch (random.between(0, 30)) {
    case 0:
      return text.startsWith('{"') ? `{"eventId":"twice",${text.slice(1)}` : text;
    case 1:
      return text.replace(/:\d+(?=[,}\]])/, ":1e999");
    case 2:
      return text.replace(/:\d+(?=[,}\]])/, ":9007199254740993");
    case 3:
      return text.replace('"eventId"', String.raw`"\u0065ventId"`);
    case 4:
      return text.replace(/"([a-z])([a-z]*)"/g, (_, letter: string, rest: string) => `"\\u00${letter.charCodeAt(0).toString(16)}${rest}"`);
    case 5:
      return ` \t\r ${text.replaceAll(",", " , ")} `;
    default:
      return text;
  }
}

/** Bytes with a few of them changed, left out, doubled or cut off. */
export function mutateBytes(bytes: Buffer, random: SeededRandom): Buffer {
  let mutated = Buffer.from(bytes);
  for (let n = random.between(1, 4); n > 0 && mutated.length > 0; n--) {
    const at = random.between(0, mutated.length - 1);
    const length = random.between(1, Math.min(20, mutated.length - at));
    switch (random.between(0, 4)) {
      case 0:
        mutated[at] = random.between(0, 255);
        break;
      case 1:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + length)]);
        break;
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at + length), mutated.subarray(at)]);
        break;
      case 3:
        mutated = Buffer.concat([
          mutated.subarray(0, at),
          Buffer.from(random.pick(['"', "\\", "{", "]", ",", "\n", "\0", "\u2028", "[".repeat(50)])),
          mutated.subarray(at),
        ]);
        break;
      default:
        mutated = mutated.subarray(0, at);
    }
  }
  return mutated;
}

const coders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };

/** A body in some content coding, with the header that says so. */
export function encodeBody(
  body: Buffer,
  random: SeededRandom,
): { readonly bytes: Buffer; readonly headers: Readonly<Record<string, string>> } {
  if (random.chance(0.6)) return { bytes: body, headers: {} };
  const coding = random.pick(Object.keys(coders) as (keyof typeof coders)[]);
  return { bytes: coders[coding](body), headers: { "content-encoding": coding } };
}
