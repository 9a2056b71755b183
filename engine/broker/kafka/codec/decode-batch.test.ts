import { describe, expect, test } from "vitest";
import { BrokerError } from "#broker/broker-error.ts";
import { seededRandom } from "#broker/conformance-harness.ts";
import { keyTextOf, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { at, type BatchHeader, readBatchHeader } from "./batch-header.ts";
import { KafkaBatchWriter, sealBatch } from "./batch-writer.ts";
import { compress, compressions } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { controlType, decodeBatch, type DecodedPart } from "./decode-batch.ts";
import { randomRecords } from "./random-records.ts";

/** Zigzag as the book has it, without the codec's shortcuts. */
function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; zigzag >= 0x80n; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(zigzag)]);
}
type Written = { readonly delta?: bigint; readonly number: number; readonly key?: string | Buffer; readonly value?: string };

function record({ delta = 0n, number, key, value }: Written): Buffer {
  const field = (bytes: string | Buffer | undefined): Buffer[] =>
    bytes === undefined ? [varint(-1n)] : [varint(BigInt(Buffer.byteLength(bytes))), Buffer.from(bytes as string)];
  const body = Buffer.concat([Buffer.from([0]), varint(delta), varint(BigInt(number)), ...field(key), ...field(value), varint(0n)]);
  return Buffer.concat([varint(BigInt(body.length)), body]);
}

type Around = {
  readonly base?: bigint;
  readonly lastDelta?: number;
  readonly attributes?: number;
  readonly times?: readonly [bigint, bigint];
};

/** A batch by hand. */
function batch(records: readonly Written[], around: Around = {}): Buffer {
  const { base = 1000n, lastDelta = records.at(-1)?.number ?? 0, attributes = 0, times = [1000n, 5000n] } = around;
  const bytes = Buffer.concat([Buffer.alloc(at.records), ...records.map(record)]);
  bytes.writeBigInt64BE(base, at.baseOffset);
  bytes.writeInt32BE(bytes.length - at.leaderEpoch, at.length);
  bytes[at.magic] = 2;
  bytes.writeInt16BE(attributes, at.attributes);
  bytes.writeInt32BE(lastDelta, at.lastOffsetDelta);
  bytes.writeBigInt64BE(times[0], at.baseTimestamp);
  bytes.writeBigInt64BE(times[1], at.maxTimestamp);
  bytes.writeBigInt64BE(7n, at.producerId);
  bytes.writeInt32BE(records.length, at.count);
  return summed(bytes);
}

/** The bytes with the checksum that fits them. */
function summed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(at.attributes)), at.crc);
  return bytes;
}

const decode = (bytes: Buffer, start = 0): readonly DecodedPart[] => decodeBatch(bytes, start, readBatchHeader(bytes, start)!, "orders[3]");
const isRefused = (outcome: unknown, place: string): boolean =>
  outcome instanceof BrokerError && outcome.code === "BROKER_CORRUPT" && outcome.at === place && !outcome.retryable;
const corruptAt = (place: string): unknown => expect.objectContaining({ code: "BROKER_CORRUPT", at: place, retryable: false });

/** A batch of the writer's, of all kinds of records. */
function written(compression: (typeof compressions)[number], records: ReturnType<typeof randomRecords>): Buffer {
  const builder = new RecordBatchBuilder();
  for (const each of records) builder.append(each);
  const writer = new KafkaBatchWriter({ compression });
  const { bytes, count } = builder.take()!;
  writer.addFrame(bytes, count);
  return sealBatch(writer.take()[0]!, { producerId: -1n, producerEpoch: -1, firstSequence: -1, transactional: false });
}

describe("[K3] a batch is read where it lies", () => {
  test("in the middle of an answer, and its bytes span nothing else", () => {
    const random = seededRandom("K3");
    for (const compression of compressions) {
      const records = randomRecords(random, 30);
      const one = written(compression, records);
      const answer = Buffer.concat([one, one, Buffer.from("the next answer")]);
      const header = readBatchHeader(answer, one.length)!;
      expect(header.byteLength).toBe(one.length);
      const [part] = decodeBatch(answer, one.length, header, "orders[3]");
      const { bytes } = part!.index;
      if (compression === "none") {
        expect(bytes.buffer).toBe(answer.buffer);
        expect(bytes.equals(one)).toBe(true);
      }
      expect(records.map((_, i) => valueOf(part!.index, i)?.toString("hex"))).toEqual(records.map(({ value }) => value?.toString("hex")));
    }
  });

  test("offsets keep their gaps, and what stood behind the last record counts for where to read on", () => {
    const bytes = batch([{ number: 2, key: "a" }, { number: 3 }, { number: 900, key: "" }], { lastDelta: 1023, base: 5000n });
    const header = readBatchHeader(bytes, 0)!;
    expect(header).toMatchObject({ baseOffset: 5000n, nextOffset: 6024n, count: 3 });
    const [part] = decode(bytes);
    expect([...part!.index.numbers]).toEqual([2, 3, 900]);
    expect([0, 1, 2].map((i) => keyTextOf(part!.index, i))).toEqual(["a", null, ""]);
    expect(part!.next).toBe(6024n);
  });

  test("a batch that compaction has emptied has no part, and still counts", () => {
    for (const attributes of [0x00, 0x10, 0x30, 0x04]) {
      const bytes = batch([], { lastDelta: 41, attributes });
      expect(readBatchHeader(bytes, 0)).toMatchObject({ count: 0, nextOffset: 1042n, control: attributes === 0x30 });
      expect(decode(bytes)).toEqual([]);
      expect(controlType(bytes, 0, readBatchHeader(bytes, 0)!)).toBeUndefined();
    }
  });

  test("the end of an answer, wherever it is cut, holds no whole batch", () => {
    const bytes = written("none", randomRecords(seededRandom("cut"), 5));
    for (let length = 0; length < bytes.length; length++) expect(readBatchHeader(bytes.subarray(0, length), 0)).toBeUndefined();
    expect(readBatchHeader(bytes, bytes.length)).toBeUndefined();
    expect(readBatchHeader(bytes, 0)!.byteLength).toBe(bytes.length);
  });
});

describe("[K5] times and markers", () => {
  test("times go back and forth around the first, as far as a number is exact, and beyond as well as one can say", () => {
    const deltas = [
      0n,
      -1n,
      1n,
      -(10n ** 12n),
      2n ** 31n,
      -(2n ** 31n),
      2n ** 40n,
      2n ** 48n,
      2n ** 49n,
      -(2n ** 52n),
      2n ** 62n,
      -(2n ** 63n),
      2n ** 63n - 1n,
    ];
    const [part] = decode(
      batch(
        deltas.map((delta, number) => ({ delta, number })),
        { times: [1000n, 2000n] },
      ),
    );
    expect([...part!.index.timestamps]).toEqual(deltas.map((delta) => 1000 + Number(delta)));
  });

  test("where the broker says the time (LogAppendTime), it is that of all records", () => {
    const bytes = batch(
      [
        { number: 0, delta: 1n },
        { number: 1, delta: -9n },
      ],
      { attributes: 0x08, times: [1000n, 77_000n] },
    );
    expect(readBatchHeader(bytes, 0)).toMatchObject({ logAppendTime: true, maxTimestamp: 77_000 });
    expect([...decode(bytes)[0]!.index.timestamps]).toEqual([77_000, 77_000]);
  });

  test("a marker says how a transaction ended, also one of a later version", () => {
    const marker = (...key: number[]): BatchHeader & { readonly type: unknown } => {
      const bytes = batch([{ number: 0, key: Buffer.from(key), value: "\0\0\0\0\0\0" }], { attributes: 0x30 });
      const header = readBatchHeader(bytes, 0)!;
      return { ...header, type: controlType(bytes, 0, header) };
    };
    expect(marker(0, 0, 0, 0)).toMatchObject({ control: true, transactional: true, producerId: 7n, type: "abort" });
    expect(marker(0, 0, 0, 1).type).toBe("commit");
    expect(marker(0, 5, 0, 1, 9, 9).type).toBe("commit");
    expect(marker(0, 0, 0, 2).type).toBeUndefined();
    expect(marker(0, 0).type).toBeUndefined();
    const data = batch([{ number: 0, key: Buffer.from([0, 0, 0, 1]) }]);
    expect(controlType(data, 0, readBatchHeader(data, 0)!)).toBeUndefined();
  });
});

describe("[K4] what is damaged is refused with its place, and nothing else happens", () => {
  test.each(compressions)("any bit that is flipped (%s)", (compression) => {
    const intact = written(compression, randomRecords(seededRandom(`K4 ${compression}`), 12));
    const unseen: number[] = [];
    for (let i = 0; i < intact.length * 8; i++) {
      const byte = i >> 3;
      // Where a batch lies, and which leader took it, is not under the checksum: its reader sees an offset out of order.
      if (byte < at.length || (byte >= at.leaderEpoch && byte < at.magic)) continue;
      const bytes = Buffer.from(intact);
      bytes[byte]! ^= 1 << (i & 7);
      const outcome = attempt(bytes);
      // A longer length is a batch whose end has not come yet.
      if (!isRefused(outcome, "orders[3]@0") && !(byte < at.leaderEpoch && outcome === "cut")) unseen.push(byte);
    }
    expect(unseen).toEqual([]);
  });

  test.each(compressions)("any byte that is another one under a checksum that fits (%s)", (compression) => {
    const random = seededRandom(`K4 forged ${compression}`);
    const intact = written(compression, randomRecords(random, 12));
    const others: unknown[] = [];
    for (let i = at.attributes; i < intact.length; i++) {
      const bytes = Buffer.from(intact);
      bytes[i]! ^= 1 + Math.floor(random() * 255);
      if (random() < 0.3) bytes[at.records + Math.floor(random() * (intact.length - at.records))] = Math.floor(random() * 256);
      const outcome = attempt(summed(bytes));
      if (outcome !== "read" && !isRefused(outcome, "orders[3]@0")) others.push([i, outcome]);
    }
    expect(others).toEqual([]);
    // What came through did no harm to what comes behind it.
    expect(attempt(intact)).toBe("read");
  });

  test("records that are more, fewer, longer, or numbered otherwise than their batch says", () => {
    const records = [
      { number: 0, key: "a" },
      { number: 1, value: "b" },
    ];
    const changed = (change: (bytes: Buffer) => void): unknown => {
      const bytes = batch(records);
      change(bytes);
      return attempt(summed(bytes));
    };
    const refused = corruptAt("orders[3]@1000");
    expect(changed(() => undefined)).toBe("read");
    for (const count of [1, 3, -1, 2 ** 31 - 1]) expect(changed((bytes) => bytes.writeInt32BE(count, at.count))).toEqual(refused);
    expect(changed((bytes) => bytes.writeInt32BE(0, at.lastOffsetDelta))).toEqual(refused);
    expect(attempt(batch([{ number: 1 }, { number: 1 }]))).toEqual(refused);
    expect(attempt(batch([{ number: 1 }, { number: 0 }], { lastDelta: 5 }))).toEqual(refused);
    expect(attempt(batch([{ number: -1 }], { lastDelta: 5 }))).toEqual(refused);
    // Length, time, number, key's length, value's length and number of headers of the first record.
    for (const i of [0, 2, 3, 4, 6, 7]) expect(changed((bytes) => (bytes[at.records + i] = 0xff))).toEqual(refused);
    expect(changed((bytes) => bytes.writeInt16BE(7, at.attributes))).toEqual(refused);
  });

  test.each(["gzip", "snappy", "lz4", "zstd"] as const)("[K128] a small batch that holds more than 128 MiB (%s)", (compression) => {
    const claim = (bytes: number): unknown => {
      const around = batch([]);
      const body = compress(compression, Buffer.alloc(bytes));
      const whole = Buffer.concat([around, body]);
      whole.writeInt32BE(whole.length - at.leaderEpoch, at.length);
      whole.writeInt16BE(compressions.indexOf(compression), at.attributes);
      whole.writeInt32BE(1, at.count);
      return attempt(summed(whole));
    };
    const told = (message: string): unknown =>
      expect.objectContaining({ code: "BROKER_CORRUPT", at: "orders[3]@1000", message: expect.stringContaining(message) as string });
    expect(claim((128 << 20) + 1)).toEqual(told(`more than 128 MiB, compressed (${compression}) at orders[3]@1000`));
    // One that is as large as may be is looked into.
    expect(claim(128 << 20)).toEqual(told("record 0 of 1"));
  });

  test("what is no batch of this format", () => {
    const old = batch([{ number: 0 }]);
    old[at.magic] = 1;
    expect(attempt(old)).toEqual(corruptAt("orders[3]@1000"));
    const short = batch([{ number: 0 }]);
    short.writeInt32BE(48, at.length);
    expect(attempt(short)).toEqual(corruptAt("orders[3]@1000"));
    const random = seededRandom("K4 noise");
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)));
      const outcome = attempt(bytes);
      expect(outcome === "cut" || outcome instanceof BrokerError).toBe(true);
    }
  });

  test("a few bytes that say they are many", () => {
    const claim = (kind: number, body: readonly number[]): unknown => {
      const bytes = Buffer.concat([batch([]), Buffer.from(body)]);
      bytes.writeInt32BE(bytes.length - at.leaderEpoch, at.length);
      bytes.writeInt16BE(kind, at.attributes);
      bytes.writeInt32BE(100, at.count);
      return attempt(summed(bytes));
    };
    const refused = corruptAt("orders[3]@1000");
    const gigabytes = [0xff, 0xff, 0xff, 0xff, 0x0f];
    expect(claim(2, gigabytes)).toEqual(refused);
    expect(claim(2, [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, ...gigabytes])).toEqual(refused);
    expect(claim(2, [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])).toEqual(refused);
    for (const kind of [1, 2, 3, 4]) expect(claim(kind, [])).toEqual(refused);
  });
});

function attempt(bytes: Buffer): unknown {
  try {
    const header = readBatchHeader(bytes, 0, "orders[3]");
    if (header === undefined) return "cut";
    decodeBatch(bytes, 0, header, "orders[3]");
    return "read";
  } catch (error) {
    return error;
  }
}
