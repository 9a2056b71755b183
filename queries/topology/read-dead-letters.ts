import { isUtf8 } from "node:buffer";
import {
  type Broker,
  BrokerError,
  deadLetterOf,
  earliest,
  type FetchedBatch,
  headerBytesOf,
  keyTextOf,
  type Position,
  valueOf,
} from "@millrace/engine";
import { formatTimestamp, maxTimestamp } from "#schemas/timestamp.ts";
import { type DeadLetterRequest, type DeadLetterShown, type DeadLettersFound, shownBytes, type ShownBytes } from "./dead-letters.ts";

/** What one question may cost: it ends before the next step back once one of them is reached. */
export type SearchBounds = { readonly records: number; readonly bytes: number; readonly ms: number };
const defaultBounds: SearchBounds = { records: 5000, bytes: 4 << 20, ms: 500 };

/** Offsets of the first step back in a partition; the next ones are longer, as long as what is read stays small. */
const firstStep = 32;
const longestStep = 1024;
const smallBytes = 64 << 10;
const fetchBytes = 256 << 10;

type Found = { readonly appendedAtMs: number; readonly offset: bigint; readonly shown: () => DeadLetterShown };
type Side = { readonly topic: string; readonly partition: number; readonly logStart: bigint; upTo: bigint; step: number; found: Found[] };

/**
 * The newest dead letters of some topics, read from the ends of their partitions backwards, a step of each after the other: what it costs is bounded,
 * however many there are and however few of them are asked for. [TV4]
 */
export async function readDeadLetters(
  log: Pick<Broker, "fetch">,
  { topics, node, limit }: DeadLetterRequest,
  bounds: SearchBounds = defaultBounds,
): Promise<DeadLettersFound> {
  const until = performance.now() + bounds.ms;
  let { records, bytes } = bounds;
  const sides = await sidesOf(log, topics);
  let open = sides.filter(({ upTo, logStart }) => upTo > logStart);
  while (open.length > 0 && records > 0 && bytes > 0 && performance.now() < until) {
    for (const side of open) {
      const read = await stepBack(log, side, node);
      records -= read.records;
      bytes -= read.bytes;
    }
    open = open.filter(({ upTo, logStart, found }) => upTo > logStart && found.length < limit);
  }
  const all = sides.flatMap(({ topic, partition, found }) => found.map((one) => ({ topic, partition, ...one })));
  const newest = all.sort(
    (a, b) =>
      b.appendedAtMs - a.appendedAtMs ||
      (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) ||
      a.partition - b.partition ||
      Number(b.offset - a.offset),
  );
  return {
    letters: newest.slice(0, limit).map(({ shown }) => shown()),
    complete: newest.length <= limit && sides.every(({ upTo, logStart }) => upTo <= logStart),
  };
}

async function sidesOf(log: Pick<Broker, "fetch">, topics: DeadLetterRequest["topics"]): Promise<readonly Side[]> {
  const positions = topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition): Position => ({ topic: name, partition, offset: earliest })),
  );
  if (positions.length === 0) return [];
  const batches = await log.fetch(positions, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
  return positions.map(({ topic, partition }) => {
    const { logStart, end } = batches.find((batch) => batch.topic === topic && batch.partition === partition)!;
    return { topic, partition, logStart, upTo: end, step: firstStep, found: [] };
  });
}

/** Reads the offsets right below those that were read before; what is found is older. */
async function stepBack(
  log: Pick<Broker, "fetch">,
  side: Side,
  node: string | undefined,
): Promise<{ readonly records: number; readonly bytes: number }> {
  const { topic, partition, logStart, upTo } = side;
  const from = max(logStart, upTo - BigInt(side.step));
  const found: Found[] = [];
  let [records, bytes] = [0, 0];
  for (let at = from; at < upTo;) {
    const batches = await fetchFrom(log, { topic, partition, offset: at });
    // What retention has dropped meanwhile, and all below it, is gone.
    if (batches === undefined) {
      side.upTo = logStart;
      break;
    }
    const before = at;
    for (const batch of batches) {
      bytes += batch.index.bytes.length;
      records += batch.count;
      found.push(...lettersIn(batch, { from, upTo, node }));
      at = batch.next;
    }
    if (at <= before) break;
  }
  side.found.push(...found.reverse());
  if (side.upTo === upTo) side.upTo = from;
  side.step = bytes <= smallBytes ? Math.min(longestStep, side.step * 2) : firstStep;
  return { records, bytes };
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

async function fetchFrom(log: Pick<Broker, "fetch">, position: Position): Promise<readonly FetchedBatch[] | undefined> {
  try {
    return await log.fetch([position], { maxBytes: fetchBytes, maxBytesPerPartition: fetchBytes, maxWaitMs: 0 });
  } catch (error) {
    if (error instanceof BrokerError && error.code === "BROKER_OFFSET_OUT_OF_RANGE") return undefined;
    throw error;
  }
}

type Wanted = { readonly from: bigint; readonly upTo: bigint; readonly node: string | undefined };

function lettersIn(batch: FetchedBatch, { from, upTo, node }: Wanted): Found[] {
  const { index, baseOffset, appendedAtMs, kind } = batch;
  if (kind !== "records") return [];
  const found: Found[] = [];
  for (let i = 0; i < batch.count; i++) {
    const offset = baseOffset + BigInt(index.numbers[i]!);
    if (offset < from || offset >= upTo) continue;
    if (node !== undefined && deadLetterOf(headerBytesOf(index, i)).node !== node) continue;
    found.push({ appendedAtMs, offset, shown: () => shownOf(batch, i, offset) });
  }
  return found;
}

function shownOf({ topic, partition, index, appendedAtMs }: FetchedBatch, i: number, offset: bigint): DeadLetterShown {
  const { reason, node, source, detail } = deadLetterOf(headerBytesOf(index, i));
  const timestamp = index.timestamps[i]!;
  return {
    at: formatTimestamp(appendedAtMs),
    reason,
    node,
    place: source,
    detail: detail ?? null,
    timestamp: timestamp >= 0 && timestamp <= maxTimestamp ? formatTimestamp(timestamp) : null,
    key: keyTextOf(index, i),
    value: shownBytesOf(valueOf(index, i)),
    letter: { topic, partition, offset: String(offset) },
  };
}

export function shownBytesOf(value: Uint8Array | null): ShownBytes | null {
  if (value === null) return null;
  const cut = value.length > shownBytes;
  const shown = value.subarray(0, shownBytes);
  // A character that the cut goes through is left out.
  return { length: value.length, base64: Buffer.from(shown).toString("base64"), text: textOf(value, shown), cut };
}

function textOf(value: Uint8Array, shown: Uint8Array): string | null {
  if (!isUtf8(value)) return null;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(shown, { stream: true });
}
