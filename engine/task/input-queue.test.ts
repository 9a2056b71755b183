import { describe, expect, test } from "vitest";
import { earliest, type FetchedBatch } from "#broker/broker.ts";
import { indexBatch, noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { InputQueue } from "./input-queue.ts";

/** A batch whose records lie at `offsets`, its base offset `base`; `next` and `end` are where the log goes on and ends. */
function batch(base: number, offsets: readonly number[], at: { next?: number; end?: number; logStart?: number } = {}): FetchedBatch {
  const { next = offsets.at(-1)! + 1, logStart = 0 } = at;
  const { end = next } = at;
  const builder = new RecordBatchBuilder();
  for (const offset of offsets)
    builder.append({ timestamp: offset, sequence: 0, key: null, value: null, headers: noHeaders }, offset - base);
  const { count, bytes } = builder.take() ?? { count: 0, bytes: new Uint8Array(0) };
  const place = { topic: "t", partition: 0, kind: "records" as const, appendedAtMs: 0 };
  return {
    ...place,
    count,
    index: indexBatch(bytes, count),
    baseOffset: BigInt(base),
    next: BigInt(next),
    end: BigInt(end),
    logStart: BigInt(logStart),
  };
}

const none = (next: number, end = next): FetchedBatch => ({ ...batch(next, [], { next, end }), count: 0 });

/** Takes what is at hand and says the offsets. */
function taken(queue: InputQueue, most = Infinity): number[] {
  const offsets: number[] = [];
  while (queue.head !== undefined && offsets.length < most) {
    offsets.push(queue.head.index.timestamps[queue.headRecord]!);
    queue.advance();
  }
  return offsets;
}

describe("[T7] the position of an input", () => {
  test("stands behind each taken record, and behind the gap where a batch has ended", () => {
    const queue = new InputQueue("t", 0, 0n);
    queue.enqueue(batch(3, [3, 5, 9], { next: 12, end: 30 }));
    queue.enqueue(batch(20, [20, 22], { end: 30 }));
    expect(queue.position).toBe(0n);
    const positions = [3, 5, 9, 20, 22].map((offset) => {
      expect(taken(queue, 1)).toEqual([offset]);
      return Number(queue.position);
    });
    expect(positions).toEqual([4, 6, 12, 21, 23]);
    expect([queue.fetchPosition, queue.more]).toEqual([23n, true]);
  });

  test("within a batch: the records before it are not taken again, in a new queue or in a rewound one", () => {
    const frame = batch(10, [10, 12, 14, 16], { next: 17, end: 17 });
    const queue = new InputQueue("t", 0, 0n);
    queue.enqueue(frame);
    expect(taken(queue, 2)).toEqual([10, 12]);
    queue.committed();
    expect([queue.position, queue.committedPosition, queue.buffered]).toEqual([13n, 13n, 2]);
    expect(taken(queue)).toEqual([14, 16]);
    queue.rewind();
    expect([queue.position, queue.buffered]).toEqual([13n, 2]);
    expect(taken(queue)).toEqual([14, 16]);
    const restarted = new InputQueue("t", 0, 13n);
    restarted.enqueue(frame);
    expect(restarted.position).toBe(13n);
    expect(taken(restarted)).toEqual([14, 16]);
  });

  test("behind all records of a batch: nothing of it is taken, and reading goes on behind it", () => {
    const queue = new InputQueue("t", 0, 15n);
    queue.enqueue(batch(10, [10, 12, 14], { next: 17, end: 20 }));
    expect([queue.buffered, queue.fetchPosition, queue.position]).toEqual([0, 17n, 17n]);
    queue.enqueue(batch(17, [18]));
    expect(taken(queue)).toEqual([18]);
  });

  test("a gap behind the last record counts as read, whether it was met before, during or behind the commit", () => {
    for (const when of ["before", "during", "behind"] as const) {
      const queue = new InputQueue("t", 0, 0n);
      queue.enqueue(batch(0, [0, 1], { next: 2, end: 3 }));
      expect(taken(queue)).toEqual([0, 1]);
      if (when === "before") queue.enqueue(none(3));
      queue.seal();
      if (when === "during") queue.enqueue(none(3));
      queue.committed();
      if (when === "behind") queue.enqueue(none(3));
      expect([queue.position, queue.committedPosition, queue.fetchPosition]).toEqual([3n, 3n, 3n]);
    }
  });

  test("what is taken behind a seal is not committed with it, and is taken again after a rewind", () => {
    const queue = new InputQueue("t", 0, 0n);
    queue.enqueue(batch(0, [0, 1, 2, 3], { next: 4, end: 7 }));
    queue.enqueue(batch(4, [4, 5, 6]));
    expect(taken(queue, 2)).toEqual([0, 1]);
    queue.seal();
    expect(taken(queue, 3)).toEqual([2, 3, 4]);
    queue.committed();
    expect([queue.position, queue.committedPosition, queue.buffered]).toEqual([5n, 2n, 2]);
    queue.rewind();
    expect([queue.position, queue.buffered]).toEqual([2n, 5]);
    expect(taken(queue, 3)).toEqual([2, 3, 4]);
    queue.seal();
    expect(taken(queue)).toEqual([5, 6]);
    queue.committed();
    expect([queue.position, queue.committedPosition]).toEqual([7n, 5n]);
    queue.seal();
    queue.committed();
    expect([queue.committedPosition, queue.bufferedBytes]).toEqual([7n, 0]);
  });

  test("`earliest` becomes the log's start before anything is taken", () => {
    const empty = new InputQueue("t", 0, earliest);
    empty.enqueue(none(7));
    expect([empty.position, empty.more]).toEqual([7n, false]);
    const filled = new InputQueue("t", 0, earliest);
    filled.enqueue(batch(5, [6], { logStart: 5 }));
    expect(filled.position).toBe(5n);
    expect(taken(filled)).toEqual([6]);
    filled.rewind();
    expect(filled.position).toBe(5n);
  });

  test("no news moves it over a gap only when nothing is at hand", () => {
    const queue = new InputQueue("t", 0, 0n);
    queue.enqueue(none(0, 5));
    expect([queue.position, queue.more]).toEqual([0n, true]);
    queue.enqueue(batch(0, [0, 1], { end: 9 }));
    queue.enqueue(none(6, 9));
    expect([queue.position, queue.fetchPosition]).toEqual([0n, 6n]);
    taken(queue);
    queue.committed();
    queue.enqueue(none(9));
    expect([queue.position, queue.more]).toEqual([9n, false]);
  });

  test("rewinds over several batches to the last commit, and forgets what it covers", () => {
    const queue = new InputQueue("t", 0, 0n);
    for (let base = 0; base < 30; base += 10) queue.enqueue(batch(base, [base, base + 1, base + 2]));
    taken(queue, 4);
    queue.committed();
    expect(queue.buffered).toBe(5);
    expect(taken(queue, 3)).toEqual([11, 12, 20]);
    queue.rewind();
    expect(taken(queue)).toEqual([11, 12, 20, 21, 22]);
    queue.committed();
    expect([queue.buffered, queue.bufferedBytes, queue.position]).toEqual([0, 0, 23n]);
  });
});
