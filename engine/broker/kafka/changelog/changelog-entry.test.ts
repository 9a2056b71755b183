import { expect, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { DeltaWriter } from "#broker/store-delta.ts";
import { readEntry, writeChanges } from "./changelog-entry.ts";

const where = (): string => "changelog[0]@7";

test("[K81] the records of a commit say what its deltas say, and its meta last", () => {
  const writer = new DeltaWriter();
  writer.begin("key-value");
  writer.put(-1, "é", Buffer.from("value"));
  writer.delete(-1, "gone");
  const totals = { store: "totals", bytes: writer.take() };
  writer.begin("window");
  writer.clear();
  writer.put(60_000, "key", Buffer.alloc(0));
  writer.expire(60_000);
  const perMinute = { store: "perMinute", bytes: writer.take() };
  const records: { key: Buffer; value: Buffer | null }[] = [];
  writeChanges(
    { task: taskId("t", 0), number: 9n, next: [], meta: Buffer.from("meta"), changes: [totals, perMinute], outputs: [] },
    (key, value) => void records.push({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }),
  );
  const start = Buffer.from([0, 0, 0, 0, 0, 0, 0xea, 0x60]);
  expect(records.map(({ key, value }) => readEntry(key, value, where))).toEqual([
    { kind: "row", store: "totals", storeKind: "key-value", rowKey: Buffer.from("é"), value: Buffer.from("value") },
    { kind: "row", store: "totals", storeKind: "key-value", rowKey: Buffer.from("gone"), value: null },
    { kind: "clear", store: "perMinute" },
    { kind: "row", store: "perMinute", storeKind: "window", rowKey: Buffer.concat([start, Buffer.from("key")]), value: Buffer.alloc(0) },
    { kind: "expiry", store: "perMinute", before: 60_000 },
    { kind: "meta", number: 9n, meta: Buffer.from("meta") },
  ]);
});

test("[K81] records that are none of ours are refused with their place, later kinds are passed over", () => {
  for (const [key, value] of [
    [null, Buffer.alloc(0)],
    [Buffer.alloc(1), Buffer.alloc(0)],
    [Buffer.of(0, 5, 1), Buffer.alloc(0)],
    [Buffer.of(2, 0), Buffer.alloc(7)],
    [Buffer.of(3, 0), null],
  ] as const)
    expect(() => readEntry(key, value, where)).toThrow(expect.objectContaining({ code: "BROKER_CORRUPT", at: "changelog[0]@7" }));
  expect(readEntry(Buffer.of(9, 0), null, where)).toBeUndefined();
});
