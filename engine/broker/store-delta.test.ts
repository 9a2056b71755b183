import { expect, test } from "vitest";
import { DeltaReader, deltaOps, DeltaWriter } from "./store-delta.ts";
import { awkwardKeys } from "./awkward-keys.ts";

const keys = [
  ...awkwardKeys,
  ...[22, 23, 24, 31, 32, 100].flatMap((length) => ["k".repeat(length), `é${"k".repeat(length - 1)}`]),
  "x".repeat(10_000),
];
const sizes = [0, 1, 24, 25, 127, 128, 70_000];

const broken = (what: string): Error => new Error(what);

function read(reader: DeltaReader): unknown[] {
  const entries: unknown[] = [];
  while (reader.next())
    entries.push([
      reader.op,
      reader.start,
      reader.op === deltaOps.expire ? "" : reader.key(),
      reader.op === deltaOps.put ? reader.value().length : -1,
    ]);
  return entries;
}

test("[S6] a delta gives back what was written, whatever the lengths", () => {
  const writer = new DeltaWriter();
  for (let round = 0; round < 2; round++) {
    for (const [kind, starts] of [
      ["key-value", [-1]],
      ["window", [0, 60_000, 2 ** 32, 2 ** 53 - 2]],
    ] as const) {
      writer.begin(kind);
      const wanted: unknown[] = [[deltaOps.clear, -1, "", -1]];
      writer.clear();
      for (const start of starts) {
        if (start > 0) {
          writer.expire(start);
          wanted.push([deltaOps.expire, start, "", -1]);
        }
        for (const key of keys) {
          for (const size of sizes.slice(0, key === "" ? undefined : 4)) {
            writer.put(start, key, new Uint8Array(size).fill(7));
            wanted.push([deltaOps.put, start, key, size]);
          }
          writer.delete(start, key);
          wanted.push([deltaOps.delete, start, key, -1]);
        }
      }
      const reader = new DeltaReader(writer.take(), broken);
      expect(reader.kind).toBe(kind);
      expect(reader.count).toBe(wanted.length);
      expect(read(reader)).toEqual(wanted);
    }
  }
});

test("[S15] a delta that is cut short anywhere is refused", () => {
  const writer = new DeltaWriter();
  writer.begin("window");
  writer.put(60_000, "key", new Uint8Array(200));
  writer.delete(60_000, "é");
  writer.expire(60_000);
  const bytes = writer.take();

  for (let length = 0; length < bytes.length; length++)
    expect(() => read(new DeltaReader(bytes.subarray(0, length), broken)), `${length}`).toThrow("delta has a broken");
  expect(() => read(new DeltaReader(Uint8Array.of(...bytes, 0), broken))).toThrow("delta has a broken");
  for (const at of [0, 1]) expect(() => new DeltaReader(bytes.with(at, 9), broken)).toThrow("delta has a broken");
});

test("[S6] rows written by their bytes read as they were put", () => {
  const writer = new DeltaWriter();
  writer.begin("window");
  writer.put(60_000, "é", Buffer.from("value"));
  writer.delete(0, "gone");
  const reader = new DeltaReader(writer.take(), broken);
  const copied = new DeltaWriter();
  copied.begin("window");
  while (reader.next()) copied.row(reader.rowKey(), reader.op === deltaOps.put ? reader.value() : null);
  writer.begin("window");
  writer.put(60_000, "é", Buffer.from("value"));
  writer.delete(0, "gone");
  expect(Buffer.from(copied.take()).equals(Buffer.from(writer.take()))).toBe(true);
});
