import { describe, expect, test } from "vitest";
import { type SeededRandom, seededRandom, testSeed } from "../testing/seeded-random.ts";
import { jsonProjection } from "./json-projection.ts";

const seed = testSeed();
const names = ["id", "sku", "amount", "ts", "a"] as const;
const project = jsonProjection(names);
const others = ["note", "is", "b", "Id", "amounts", "", 'q"uote', "ünï"];

const spaces = (random: SeededRandom): string => random.pick(["", "", "", "", " ", "\n", "\t ", "\r\n"]);

function randomText(random: SeededRandom): string {
  const part = (): string =>
    random.pick(["abc", ",", "{", "}", "]", ":", '"', "\\", "\u0001", "é", "🛒", '","sku":"x', "0", " ", "\u2028", "\\u00e9"]);
  return Array.from({ length: random.between(0, 5) }, part).join("");
}

function randomScalar(random: SeededRandom): string {
  switch (random.between(0, 9)) {
    case 0:
      return random.pick(["true", "false", "null"]);
    case 1:
      return random.pick([
        "0",
        "-0",
        "1e3",
        "1E-7",
        "-12.50",
        "0.1",
        "9007199254740993",
        "123456789012345678901234567890.5",
        "0.30000000000000004",
        "5e-324",
      ]);
    case 2:
      return String((random.next() - 0.5) * 10 ** random.between(-30, 30));
    case 3:
    case 4:
      return (random.next() * 10 ** random.between(0, 12)).toFixed(random.between(0, 4));
    default:
      return random.chance(0.2) ? JSON.stringify(randomText(random)).replaceAll("a", "\\u0061") : JSON.stringify(randomText(random));
  }
}

function randomValue(random: SeededRandom, depth: number): string {
  const list = (make: () => string): string =>
    Array.from({ length: random.between(0, 3) }, make).join(`${spaces(random)},${spaces(random)}`);
  if (depth > 0 && random.chance(0.15)) return `[${list(() => randomValue(random, depth - 1))}]`;
  if (depth > 0 && random.chance(0.15)) return randomObject(random, depth - 1);
  return randomScalar(random);
}

function randomObject(random: SeededRandom, depth: number): string {
  const keys = new Set(Array.from({ length: random.between(0, 8) }, () => random.pick([...names, ...others])));
  const fields = [...keys].map((key) => `${JSON.stringify(key)}${spaces(random)}:${spaces(random)}${randomValue(random, depth)}`);
  return `{${spaces(random)}${fields.join(`${spaces(random)},${spaces(random)}`)}${spaces(random)}}`;
}

function expected(json: string): unknown {
  const parsed: unknown = JSON.parse(json);
  const of = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(names.map((name) => [name, Object.hasOwn(of, name) ? of[name] : undefined]));
}

/** Within other bytes, as a batch holds it: nothing before or behind may be read. */
function within(json: Uint8Array): Uint8Array {
  const bytes = Buffer.concat([Buffer.from('{"id":'), json, Buffer.from('"sku":"x"}')]);
  return bytes.subarray(6, 6 + json.length);
}

describe(`fields of JSON by its bytes, seed ${seed}`, () => {
  test("[E13] what is read of any JSON is what JSON.parse gives", () => {
    const random = seededRandom(seed);
    for (let i = 0; i < 5000; i++) {
      const json = random.chance(0.95) ? randomObject(random, 2) : randomValue(random, 2);
      const bytes = within(Buffer.from(json));
      expect(project(bytes), json).toStrictEqual(expected(json));
      // Where it lies, with other bytes around it.
      const around = Buffer.from(bytes.buffer, bytes.byteOffset - 6, bytes.length + 15);
      expect(project(around, 6, 6 + bytes.length), json).toStrictEqual(expected(json));
    }
  });

  test("[E13] what JSON.parse takes is never refused, and bytes that are none end in a SyntaxError or in fields", () => {
    const random = seededRandom(seed);
    for (let i = 0; i < 5000; i++) {
      const bytes = Buffer.from(randomObject(random, 1));
      for (let n = random.between(1, 3); n > 0 && bytes.length > 0; n--)
        bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
      const cut = bytes.subarray(0, random.chance(0.3) ? random.between(0, bytes.length) : bytes.length);
      let wanted: unknown;
      try {
        wanted = expected(cut.toString());
      } catch {
        wanted = undefined;
      }
      let found: unknown;
      try {
        found = project(within(cut));
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
        expect(wanted, cut.toString("latin1")).toBeUndefined();
        continue;
      }
      // A name may have come to stand there twice: then either value is right.
      const twice = names.some((name) => cut.toString().split(`"${name}"`).length > 2);
      if (wanted !== undefined && !twice) expect(found, cut.toString("latin1")).toStrictEqual(wanted);
    }
  });

  test("[E13] numbers are those of JSON.parse to the last bit", () => {
    const random = seededRandom(seed);
    const one = jsonProjection(["n"]);
    for (let i = 0; i < 10_000; i++) {
      const text = random.chance(0.5)
        ? (random.next() * 10 ** random.between(0, 17)).toFixed(random.between(0, 20))
        : String(Math.floor(random.next() * 2 ** random.between(0, 53)) / 10 ** random.between(0, 22));
      expect(one(Buffer.from(`{"n":-${text}}`))["n"], text).toBe(JSON.parse(`-${text}`));
    }
  });

  test("[E13] what looks like a number and is none is refused", () => {
    const one = jsonProjection(["n"]);
    for (const text of ["-", "01", "-01", "1.", ".5", "-.5", "1..2", "1.2.3", "+1", "0x1", "1e", "--1", "00", "1-"])
      expect(() => one(Buffer.from(`{"n":${text}}`)), text).toThrow(SyntaxError);
    for (const text of ["0", "-0", "0.0", "-0.10", "999999999999999", "0.99999999999999", "1e2"])
      expect(one(Buffer.from(`{"n":${text} }`)), text).toStrictEqual({ n: JSON.parse(text) as number });
  });

  test("[E13] what is behind the last wanted field is not read", () => {
    expect(jsonProjection(["a"])(Buffer.from('{"a":1,"b":'))).toStrictEqual({ a: 1 });
  });

  test("[E13] more fields than bits, and none, are read as well", () => {
    const many = Array.from({ length: 40 }, (_, i) => `f${i}`);
    const json = Buffer.from(JSON.stringify(Object.fromEntries(many.map((name, i) => [name, i]))));
    expect(jsonProjection(many)(json)).toStrictEqual(JSON.parse(json.toString()));
    expect(jsonProjection([])(json)).toStrictEqual({});
  });

  test("[E13] a name that is none is refused", () => {
    expect(() => jsonProjection(["__proto__"])).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
    expect(() => jsonProjection(['x"] = 1; //'])).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
  });
});
