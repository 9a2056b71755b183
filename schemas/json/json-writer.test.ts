import { describe, expect, test } from "vitest";
import { seededRandom, testSeed } from "../testing/seeded-random.ts";
import { jsonWriter } from "./json-writer.ts";

const seed = testSeed();
const write = jsonWriter(["a", "b", "c"]);

describe(`JSON as bytes, seed ${seed}`, () => {
  test("[E14] the bytes are those of JSON.stringify, whatever the values are", () => {
    const random = seededRandom(seed);
    const value = (): unknown => {
      switch (random.between(0, 7)) {
        case 0:
          return random.pick([
            0,
            -0,
            1,
            0.1,
            0.07,
            0.29,
            1e21,
            1e-7,
            -1.5,
            99.99,
            123_456_789.12,
            2 ** 53,
            1e15,
            1e13,
            9_999_999_999_999.99,
            NaN,
            Infinity,
            null,
            true,
          ]);
        case 1:
          return Math.floor(random.next() * 10 ** random.between(0, 20));
        case 2:
          return Math.round(random.next() * 10 ** random.between(0, 16)) / 100;
        case 3:
          return random.next() * 10 ** random.between(-10, 10);
        case 4:
          return Array.from({ length: random.between(0, 90) }, () => random.pick(["a", "Z", "9", " ", "/", "{"])).join("");
        case 5:
          return Array.from({ length: random.between(0, 6) }, () =>
            random.pick(['"', "\\", "\n", "\u007f", "é", "🛒", "\ud800", "x"]),
          ).join("");
        case 6:
          return { nested: [random.next(), "x"] };
        default:
          return random.pick(["user-00001", "o-000000001", ""]);
      }
    };
    for (let i = 0; i < 10_000; i++) {
      const row = { a: value(), b: value(), c: value() };
      expect(write(row).toString()).toBe(JSON.stringify(row));
    }
  });

  test("[E14] what is larger than the buffer fits, and what comes behind it", () => {
    const large = { a: "é".repeat(5000), b: "x".repeat(100_000), c: 1 };
    expect(write(large).toString()).toBe(JSON.stringify(large));
    expect(write({ a: 1, b: 2, c: undefined }).toString()).toBe('{"a":1,"b":2,"c":null}');
    expect(jsonWriter([])({}).toString()).toBe("{}");
  });
});
