import { expect, test } from "vitest";
import { FoldOrder } from "./fold-order.ts";
import { Generation } from "./generation.ts";
import { LiveKeyValue } from "./live-key-value.ts";
import { LiveWindow } from "./live-window.ts";
import { MemoryBase } from "./memory/memory-base.ts";
import { type Entry } from "./segment.ts";
import { reusingCodec } from "./state-harness.ts";

const families: Readonly<Record<string, (i: number) => string>> = {
  numbered: (i) => `customer-${String((i * 7919) % 100_003).padStart(7, "0")}`,
  "long common starts": (i) => `tenant-${"abc"[i % 3]}/${"x".repeat(50)}/${i % 7}/${"y".repeat(50)}${i}`,
  wide: (i) => `商品-${String.fromCharCode(0x4e00 + (i % 5000))}-${i}`,
  "mixed lengths": (i) => "ab".repeat(i % 40) + String(i),
};

test.each(Object.entries(families))("[S9] a generation is folded in key order, a few entries at a time: %s keys", (_, keyOf) => {
  const cache = { count: 0, makeRoom: () => undefined };
  const base = new MemoryBase();
  const shared = { codec: reusingCodec(), cache, tellsExpired: base.tellsExpired };
  const totals = new LiveKeyValue({ name: "totals", base: base.store("totals", "key-value"), ...shared });
  const perMinute = new LiveWindow({ name: "perMinute", base: base.store("perMinute", "window"), ...shared });
  const generation = new Generation(1, 0n);
  for (let i = 0; i < 20_000; i++) {
    totals.put(keyOf(i), { n: i, text: "" });
    perMinute.put(keyOf(i), (i % 3) * 60_000, { n: i, text: "" });
  }
  for (const entry of [...totals.dirty, ...perMinute.dirty]) generation.add(entry as Entry<unknown>);
  const wanted = (entry: Entry<unknown>): boolean => (entry.value as { n: number }).n % 5 !== 0;

  const order = new FoldOrder(generation.lists, wanted);
  const given: Entry<unknown>[] = [];
  let longest = 0;
  for (let run = order.next(); run !== undefined; run = order.next()) {
    longest = Math.max(longest, run.length);
    given.push(...run);
  }
  expect(order.left).toBe(0);
  expect(longest).toBeLessThanOrEqual(512);
  expect(given.map(({ key, segment }) => [segment.home.name, segment.start, key])).toEqual(
    [...perMinute.dirty, ...totals.dirty]
      .filter(wanted)
      .map(({ key, segment }) => [segment.home.name, segment.start, key] as const)
      .sort(([an, as, ak], [bn, bs, bk]) => (an === bn ? as - bs || (ak < bk ? -1 : 1) : an < bn ? -1 : 1)),
  );
});
