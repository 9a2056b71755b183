import { expect, test } from "vitest";
import { valueOf } from "#broker/record-batch.ts";
import { seededRandom } from "../../conformance-harness.ts";
import { KafkaBatchWriter, sealBatch } from "../codec/batch-writer.ts";
import { crc32c } from "../codec/crc32c.ts";
import { committedBatches } from "./committed-batches.ts";
import { type AbortedTransaction, parseFetch } from "./fetch-answer.ts";

const where = "orders[3]";

function dataBatch(base: bigint, values: readonly string[], producer?: { readonly id: bigint; readonly transactional: boolean }): Buffer {
  const writer = new KafkaBatchWriter({});
  for (const value of values) writer.addRecord(Buffer.from("key"), Buffer.from(value), 1000);
  const { id: producerId, transactional } = producer ?? { id: -1n, transactional: false };
  const bytes = sealBatch(writer.take()[0]!, { producerId, producerEpoch: 0, firstSequence: 0, transactional });
  bytes.writeBigInt64BE(base, 0);
  return bytes;
}

/** Its records gone, as compaction leaves a batch: the offsets still count. */
function emptied(batch: Buffer): Buffer {
  const bytes = Buffer.from(batch.subarray(0, 61));
  bytes.writeInt32BE(61 - 12, 8);
  bytes.writeInt32BE(0, 57);
  return summed(bytes);
}

function marker(base: bigint, producerId: bigint, type: "abort" | "commit"): Buffer {
  const bytes = dataBatch(base, ["0123"], { id: producerId, transactional: true });
  bytes.writeInt16BE(0x30, 21);
  // The key's three bytes are too few for version and type, so the record is written anew.
  const record = Buffer.from([0, 0, 0, 8, 0, 0, 0, type === "abort" ? 0 : 1, 12, 0, 0, 0, 0, 0, 0, 0]);
  const whole = Buffer.concat([bytes.subarray(0, 61), Buffer.from([record.length * 2]), record]);
  whole.writeInt32BE(whole.length - 12, 8);
  return summed(whole);
}

function summed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

const textsOf = (read: ReturnType<typeof committedBatches>): string[] =>
  read.batches.flatMap(({ index }) => Array.from({ length: index.count }, (_, i) => valueOf(index, i)!.toString()));

test("[K51] a producer's records are left out from its aborted transaction's first to its marker, and no others", () => {
  const of = (id: bigint) => ({ id, transactional: true });
  const records = Buffer.concat([
    dataBatch(0n, ["a0", "a1"], of(1n)),
    dataBatch(2n, ["b0"], of(2n)),
    dataBatch(3n, ["plain"]),
    marker(4n, 1n, "abort"),
    dataBatch(5n, ["c0"], of(1n)),
    marker(6n, 1n, "commit"),
    marker(7n, 2n, "commit"),
  ]);
  const read = committedBatches({ records, aborted: [{ producerId: 1n, first: 0n }] }, 0n, where);
  expect(textsOf(read)).toEqual(["b0", "plain", "c0"]);
  expect(read.next).toBe(8n);
  expect(read.batches.map(({ baseOffset, next }) => [baseOffset, next])).toEqual([
    [2n, 3n],
    [3n, 4n],
    [5n, 8n],
  ]);
});

test("[K51] an emptied marker ends its producer's transaction like a whole one", () => {
  const producer = { id: 1n, transactional: true };
  const records = Buffer.concat([emptied(marker(4n, 1n, "abort")), dataBatch(5n, ["kept"], producer), marker(6n, 1n, "commit")]);
  expect(textsOf(committedBatches({ records, aborted: [{ producerId: 1n, first: 0n }] }, 4n, where))).toEqual(["kept"]);
});

test("[K128] where batches inflate to more than there is room for, those behind are read on: nothing is lost, something is always read", () => {
  const records = Buffer.concat([
    dataBatch(0n, ["a", "b"]),
    dataBatch(2n, ["c"]),
    marker(3n, 1n, "abort"),
    dataBatch(4n, ["d"]),
    dataBatch(5n, ["e"]),
  ]);
  for (const leftBytes of [1, 100, 200, 1000]) {
    const texts: string[] = [];
    for (let from = 0n; from < 6n;) {
      const read = committedBatches({ records, aborted: [], room: { leftBytes } }, from, where);
      expect(read.next).toBeGreaterThan(from);
      if (leftBytes === 1) expect(read.batches).toHaveLength(1);
      texts.push(...textsOf(read));
      from = read.next;
    }
    expect(texts).toEqual(["a", "b", "c", "d", "e"]);
  }
  expect(committedBatches({ records, aborted: [], room: { leftBytes: 0 } }, 0n, where)).toEqual({ batches: [], next: 0n });
});

test("[K50] a damaged batch is refused with its place, also one that nobody would see", () => {
  const whole = dataBatch(7n, ["a"], { id: 1n, transactional: true });
  whole[whole.length - 2]! ^= 1;
  for (const aborted of [[], [{ producerId: 1n, first: 0n }]]) {
    expect(() => committedBatches({ records: whole, aborted }, 0n, where)).toThrow(
      expect.objectContaining({ code: "BROKER_CORRUPT", at: "orders[3]@7" }),
    );
  }
});

test("[K51] a log of random transactions reads as what they committed, wherever reading begins and answers end", () => {
  const random = seededRandom("K51 model");
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let round = 0; round < 30; round++) {
    const log: { readonly base: bigint; readonly next: bigint; readonly bytes: Buffer }[] = [];
    const aborted: (AbortedTransaction & { readonly last: bigint })[] = [];
    const open = new Map<bigint, { readonly first: bigint; readonly texts: (readonly [bigint, string])[] }>();
    const committed: (readonly [bigint, string])[] = [];
    let end = 0n;
    const put = (bytes: Buffer, count: number): void => {
      log.push({ base: end, next: end + BigInt(count), bytes });
      end += BigInt(count);
    };
    for (let step = 0; step < 60 || open.size > 0; step++) {
      const id = BigInt(1 + below(4));
      const transaction = open.get(id);
      if (transaction !== undefined && (step >= 60 || random() < 0.4)) {
        const how = random() < 0.5 ? "abort" : "commit";
        if (how === "abort") aborted.push({ producerId: id, first: transaction.first, last: end });
        else committed.push(...transaction.texts);
        open.delete(id);
        const bytes = marker(end, id, how);
        put(random() < 0.2 ? emptied(bytes) : bytes, 1);
      } else if (step < 60) {
        const texts = Array.from({ length: 1 + below(3) }, (_, i): readonly [bigint, string] => [end + BigInt(i), `${step}.${i}`]);
        const plain = random() < 0.2;
        const bytes = dataBatch(
          end,
          texts.map(([, value]) => value),
          plain ? undefined : { id, transactional: true },
        );
        if (!plain && transaction === undefined) open.set(id, { first: end, texts: [] });
        const gone = random() < 0.1;
        if (!gone && plain) committed.push(...texts);
        else if (!gone) open.get(id)!.texts.push(...texts);
        put(gone ? emptied(bytes) : bytes, texts.length);
      }
    }
    const from = BigInt(below(Number(end) + 1));
    const expected = committed.filter(([offset]) => offset >= from).toSorted((a, b) => Number(a[0] - b[0]));
    const found: (readonly [bigint, string])[] = [];
    for (let next = from; next < end;) {
      const begin = log.findIndex((batch) => batch.next > next);
      const answered = log.slice(begin, begin + 1 + below(5));
      const upTo = answered.at(-1)!.next;
      // As the broker looks them up: those that are not over before the position and begin before the answer's end.
      const listed = aborted.filter(({ first, last }) => last >= next && first < upTo).toSorted((a, b) => Number(a.first - b.first));
      const cut = random() < 0.5 ? Buffer.concat([log[begin]!.bytes]).subarray(0, 30) : Buffer.alloc(0);
      const records = Buffer.concat([...answered.map(({ bytes }) => bytes), cut]);
      const read = committedBatches({ records, aborted: listed }, next, where);
      expect(read.next).toBe(upTo);
      for (const { index, baseOffset } of read.batches) {
        for (let i = 0; i < index.count; i++) {
          const offset = baseOffset + BigInt(index.numbers[i]!);
          if (offset >= from) found.push([offset, valueOf(index, i)!.toString()]);
        }
      }
      next = read.next;
    }
    expect(found).toEqual(expected);
  }
});

test("[K50] an answer is read with its tags, or refused where it ends within itself", () => {
  const i16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
  const i32 = (value: number): Buffer => Buffer.concat([i16(value >>> 16), i16(value & 0xffff)]);
  const i64 = (value: number): Buffer => Buffer.concat([i32(0), i32(value)]);
  const tags = Buffer.from([1, 5, 3, 9, 9, 9]);
  const none = Buffer.from([0]);
  const id = Buffer.from("00112233445566778899aabbccddeeff", "hex");
  const partition = Buffer.concat([
    i32(3),
    i16(0),
    i64(100),
    i64(90),
    i64(10),
    Buffer.from([3]),
    i64(8),
    i64(40),
    tags,
    i64(7),
    i64(20),
    none,
    i32(-1),
    Buffer.from([201, 1]),
    Buffer.alloc(200, 1),
    tags,
  ]);
  const failed = Buffer.concat([i32(4), i16(1), i64(0), i64(0), i64(0), none, i32(-1), none, none]);
  const answer = Buffer.concat([i32(0), i16(0), i32(0), Buffer.from([2]), id, Buffer.from([3]), partition, failed, none, tags]);
  expect(parseFetch(answer)).toEqual([
    {
      topicId: id.toString("hex"),
      partition: 3,
      error: "NONE",
      highWatermark: 100n,
      stableEnd: 90n,
      logStart: 10n,
      aborted: [
        { producerId: 7n, first: 20n },
        { producerId: 8n, first: 40n },
      ],
      records: Buffer.alloc(200, 1),
    },
    expect.objectContaining({ partition: 4, error: "OFFSET_OUT_OF_RANGE", records: Buffer.alloc(0) }),
  ]);
  for (let length = 6; length < answer.length - tags.length; length++)
    expect(() => parseFetch(answer.subarray(0, length))).toThrow(RangeError);
  const refused = Buffer.concat([i32(0), i16(70), i32(0), Buffer.from([1]), none]);
  expect(() => parseFetch(refused)).toThrow(expect.objectContaining({ ids: ["FETCH_SESSION_ID_NOT_FOUND"] }));
});
