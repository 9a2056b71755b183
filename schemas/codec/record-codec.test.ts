import { describe, expect, test } from "vitest";
import type { FieldType } from "../field-type.ts";
import { toAvro } from "../field-type.ts";
import { randomValue } from "../testing/random-event.ts";
import { seededRandom, testSeed } from "../testing/seeded-random.ts";
import { codecOf, recordCodec } from "./record-codec.ts";

const seed = testSeed();
const row: FieldType = { kind: "record", name: "Row", fields: [{ name: "n", type: { kind: "int" } }] };
const every: FieldType = {
  kind: "record",
  name: "Every",
  fields: [
    { name: "text", type: { kind: "string" } },
    { name: "small", type: { kind: "int" } },
    { name: "large", type: { kind: "long" } },
    { name: "real", type: { kind: "double" } },
    { name: "yes", type: { kind: "boolean" } },
    { name: "raw", type: { kind: "bytes" } },
    { name: "at", type: { kind: "timestamp" } },
    { name: "sum", type: { kind: "decimal", precision: 60, scale: 4 } },
    { name: "price", type: { kind: "money" } },
    { name: "maps", type: { kind: "map", values: { kind: "array", items: { kind: "nullable", of: row } } } },
    { name: "grid", type: { kind: "array", items: { kind: "array", items: { kind: "decimal", precision: 18, scale: 0 } } } },
  ],
};

describe(`values as bytes, seed ${seed}`, () => {
  test("[E1] a value of every kind comes back as it was", () => {
    const random = seededRandom(seed);
    const codec = codecOf(every);
    for (let i = 0; i < 2000; i++) {
      const value = randomValue(every, random);
      expect(codec.decode(codec.encode(value))).toEqual(value);
    }
  });

  test.each([
    [{ kind: "int" }, 2_147_483_647, "feffffff0f"],
    [{ kind: "int" }, -2_147_483_648, "ffffffff0f"],
    [{ kind: "long" }, -1, "01"],
    [{ kind: "long" }, 1_073_741_824, "8080808008"],
    [{ kind: "long" }, -1_073_741_825, "8180808008"],
    [{ kind: "long" }, Number.MAX_SAFE_INTEGER, "feffffffffffff1f"],
    [{ kind: "long" }, Number.MIN_SAFE_INTEGER, "fdffffffffffff1f"],
    [{ kind: "double" }, 1.5, "000000000000f83f"],
    [{ kind: "boolean" }, true, "01"],
    [{ kind: "string" }, "é", "04c3a9"],
    [{ kind: "string" }, "", "00"],
    [{ kind: "decimal", precision: 18, scale: 4 }, 0n, "0200"],
    [{ kind: "decimal", precision: 18, scale: 4 }, -1n, "02ff"],
    [{ kind: "decimal", precision: 18, scale: 4 }, 127n, "027f"],
    [{ kind: "decimal", precision: 18, scale: 4 }, 128n, "040080"],
    [{ kind: "decimal", precision: 18, scale: 4 }, -128n, "0280"],
    [{ kind: "decimal", precision: 18, scale: 4 }, -129n, "04ff7f"],
    [{ kind: "decimal", precision: 18, scale: 4 }, 140_737_488_355_328n, "0e00800000000000"],
    [{ kind: "decimal", precision: 18, scale: 4 }, -140_737_488_355_329n, "0eff7fffffffffff"],
    [{ kind: "decimal", precision: 40, scale: 0 }, 1n << 64n, "12010000000000000000"],
    [{ kind: "nullable", of: { kind: "int" } }, null, "00"],
    [{ kind: "nullable", of: { kind: "int" } }, 1, "0202"],
    [{ kind: "array", items: { kind: "int" } }, [1, 2], "04020400"],
    [{ kind: "map", values: { kind: "int" } }, { b: 1, a: 2 }, "0402610402620200"],
  ] as readonly (readonly [FieldType, unknown, string])[])("[E1] %j %s", (type, value, hex) => {
    const codec = codecOf(type);
    expect(codec.encode(value).toString("hex")).toBe(hex);
    expect(codec.decode(Buffer.from(hex, "hex"))).toEqual(value);
  });

  test("[E1] equal maps give equal bytes, whatever the order of their keys", () => {
    const codec = codecOf({ kind: "map", values: { kind: "int" } });
    expect(codec.encode({ a: 1, b: 2 }).equals(codec.encode({ b: 2, a: 1 }))).toBe(true);
  });

  test("[E1] names that JavaScript knows are keys of a map like any other", () => {
    const codec = codecOf<Record<string, number>>({ kind: "map", values: { kind: "int" } });
    const map = Object.assign(Object.create(null) as Record<string, number>, JSON.parse('{"constructor":1,"toString":2}'));
    Object.defineProperty(map, "__proto__", { value: 3, enumerable: true });
    const back = codec.decode(codec.encode(map));
    expect(Object.keys(back).toSorted()).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(back)).toBeNull();
  });

  test("[E1] the codec of an Avro schema is that of its type", () => {
    const value = randomValue(every, seededRandom(seed));
    expect(recordCodec(toAvro(every)).encode(value).equals(codecOf(every).encode(value))).toBe(true);
  });

  test("[E2] a value is read between others' bytes as it is alone, and never beyond its end", () => {
    const random = seededRandom(seed + 1);
    const codec = codecOf(every);
    const outcomeOf = (decode: () => unknown): unknown => {
      try {
        return decode();
      } catch (error) {
        return error;
      }
    };
    for (let i = 0; i < 500; i++) {
      const alone = codec.encode(randomValue(every, random));
      const neighbour = codec.encode(randomValue(every, random));
      const bytes = Buffer.concat([neighbour, alone, neighbour]);
      const from = neighbour.length;
      expect(codec.decode(bytes, from, from + alone.length)).toEqual(codec.decode(alone));
      const cut = random.between(0, alone.length - 1);
      expect(outcomeOf(() => codec.decode(bytes, from, from + cut))).toEqual(outcomeOf(() => codec.decode(alone.subarray(0, cut))));
    }
  });

  test("[E2] blocks with their size in front, as other writers make them, are read too", () => {
    expect(codecOf({ kind: "array", items: { kind: "int" } }).decode(Buffer.from("03040204020600", "hex"))).toEqual([1, 2, 3]);
  });

  test("[E1] large values outgrow a chunk and come back", () => {
    const codec = codecOf<string[]>({ kind: "array", items: { kind: "string" } });
    const value = Array.from({ length: 3000 }, (_, i) => `${"é".repeat(i % 90)}${i}`);
    const small = codec.encode(["before"]);
    expect(codec.decode(codec.encode(value))).toEqual(value);
    expect(codec.decode(small)).toEqual(["before"]);
  });

  test.each([
    [{ kind: "int" }, 2 ** 31],
    [{ kind: "int" }, "1"],
    [{ kind: "long" }, 2 ** 53],
    [{ kind: "long" }, 1n],
    [{ kind: "timestamp" }, Number.NaN],
    [{ kind: "double" }, "1"],
    [{ kind: "boolean" }, 1],
    [{ kind: "string" }, undefined],
    [{ kind: "string" }, "x".repeat(60) + "\ud800"],
    [{ kind: "string" }, "\ud800"],
    [{ kind: "bytes" }, [1]],
    [{ kind: "decimal", precision: 3, scale: 0 }, 1000n],
    [{ kind: "decimal", precision: 3, scale: 0 }, 1],
    [{ kind: "money" }, 5n],
    [{ kind: "money" }, { amount: 10n ** 18n, currency: "EUR" }],
    [{ kind: "array", items: { kind: "int" } }, { length: 0 }],
    [{ kind: "array", items: { kind: "int" } }, [null]],
    [{ kind: "map", values: { kind: "int" } }, null],
    [row, null],
    [row, {}],
  ] as readonly (readonly [FieldType, unknown])[])("[E1] as %j, %s is not encodable", (type, value) => {
    expect(() => codecOf(type).encode(value)).toThrow(expect.objectContaining({ code: "SCHEMA_NOT_ENCODABLE" }));
  });

  test("[E2] a type whose items have no bytes is refused: a few bytes could claim any number of them", () => {
    expect(() => codecOf({ kind: "array", items: { kind: "record", name: "Empty", fields: [] } })).toThrow(
      expect.objectContaining({ code: "SCHEMA_INVALID" }),
    );
  });

  test("[E8] no name gets into generated code that is not a plain identifier", () => {
    for (const name of ["a;process.exit()", "a-b", "", "__proto__", "constructor", "1a", "a\n"]) {
      expect(() => codecOf({ kind: "record", name: "R", fields: [{ name, type: { kind: "int" } }] }), name).toThrow(
        expect.objectContaining({ code: "SCHEMA_INVALID" }),
      );
    }
  });
});
