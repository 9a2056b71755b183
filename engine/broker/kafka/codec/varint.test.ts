import { Reader, Writer } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { int32Size, int64Size, VarintReader, writeInt32, writeInt64 } from "./varint.ts";

const bytes = Buffer.alloc(16);

function expectInt32(value: number): void {
  const end = writeInt32(bytes, value, 0);
  const theirs = Writer.create().appendVarInt(value).buffer;
  expect([value, bytes.toString("hex", 0, end), int32Size(value)]).toEqual([value, theirs.toString("hex"), theirs.length]);
  const reader = new VarintReader(bytes, 0);
  expect([reader.int32(), reader.position]).toEqual([value, end]);
}

/** As the book has it; the library's own writer ends some numbers above 2³¹ too early. */
function written(value: bigint): Buffer {
  const out: number[] = [];
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; zigzag >= 0x80n; zigzag >>= 7n) out.push(Number(zigzag & 0x7fn) | 0x80);
  return Buffer.from([...out, Number(zigzag)]);
}

function expectInt64(value: number): void {
  const end = writeInt64(bytes, value, 0);
  const expected = written(BigInt(value));
  expect([value, bytes.toString("hex", 0, end), int64Size(value)]).toEqual([value, expected.toString("hex"), expected.length]);
  const reader = new VarintReader(bytes, 0);
  expect([reader.int64(), reader.position]).toEqual([value, end]);
  expect(Reader.from(expected).readVarInt64()).toBe(BigInt(value));
}

test("[K1] numbers of 32 bits are written and read as the library does, at every limit of their length", () => {
  for (let bit = 0; bit <= 31; bit++) {
    for (const value of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1, -(2 ** bit) - 1, -(2 ** bit), -(2 ** bit) + 1]) {
      if (value === (value | 0)) expectInt32(value);
    }
  }
});

test("[K1] numbers up to ±2⁵⁴ are written as the book has it, and read by us and by the library, at every limit of their length", () => {
  for (let bit = 0; bit <= 54; bit++) {
    for (const value of [2 ** bit - 1, 2 ** bit, -(2 ** bit), 1 - 2 ** bit]) expectInt64(value + 0);
  }
  const random = seededRandom("K1");
  for (let i = 0; i < 5000; i++) expectInt64(Math.floor((random() - 0.5) * 2 ** Math.floor(random() * 54)));
});

test("[K1] longer ones are read as well as a number can say", () => {
  for (const value of [2n ** 55n, -(2n ** 55n), 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    const long = written(value);
    const reader = new VarintReader(long, 0);
    expect([reader.int64(), reader.position]).toEqual([Number(value), long.length]);
  }
});

test("[K1] a number without end stops at its longest form, and one that is cut at the end of the bytes", () => {
  const endless = new VarintReader(Buffer.alloc(40, 0xff), 0);
  endless.int32();
  expect(endless.position).toBe(5);
  endless.int64();
  expect(endless.position).toBe(15);
  for (const length of [0, 1, 3, 6, 9]) {
    const cut = new VarintReader(Buffer.alloc(length, 0xff), 0);
    cut.int32();
    cut.int64();
    expect(cut.position).toBeGreaterThan(length);
  }
});
