import { expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import type { StoredBatch } from "./batch-table.ts";
import { LogTail } from "./log-tail.ts";
import type { Partition } from "./partitions.ts";

const partition = (id: number): Partition => ({
  id,
  topic: "t",
  partition: id,
  retention: { kind: "forever" },
  logStart: 0,
  end: 0,
  written: 0,
});

test("[L3] whatever was kept of the newest batches, none is missing and each is as it was", () => {
  const random = seededRandom("log-tail");
  const pick = (n: number): number => Math.floor(random() * n);
  for (const capacity of [0, 1, 50, 1000, 100_000]) {
    const tail = new LogTail(capacity);
    const partitions = Array.from({ length: 5 }, (_, i) => partition(i));
    const all = partitions.map((): StoredBatch[] => []);
    let found = 0;
    for (let i = 0; i < 3000; i++) {
      const at = pick(5);
      const base = (all[at]!.at(-1)?.next ?? pick(9)) + (pick(4) === 0 ? pick(5) : 0);
      const count = 1 + pick(3);
      const bytes = new Uint8Array(1 + pick(pick(20) === 0 ? 400 : 30)).fill(i);
      const batch: StoredBatch = { base, next: base + count, count, kind: "records", appendedAtMs: i, bytes };
      all[at]!.push(batch);
      tail.add(partitions[at]!, batch);
      if (pick(500) === 0) {
        tail.clear();
        all.forEach((list, k) => expect([...(tail.from(partitions[k]!, list.at(-1)?.base ?? 0) ?? [])]).toEqual([]));
      }
      const asked = pick(5);
      const first = all[asked]![Math.max(0, all[asked]!.length - 1 - pick(40))];
      if (first === undefined) continue;
      const offset = first.base + pick(first.count);
      const kept = tail.from(partitions[asked]!, offset);
      if (kept === undefined) continue;
      found += 1;
      expect([...kept], `${capacity} at ${i}`).toEqual(all[asked]!.filter(({ next }) => next > offset));
    }
    expect(found > 0).toBe(capacity >= 50);
  }
});
