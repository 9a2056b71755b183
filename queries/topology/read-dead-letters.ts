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
  type ReadLetter,
  type SettledLetters,
  type Settlement,
  valueOf,
} from "@millrace/engine";
import { formatTimestamp, maxTimestamp } from "#schemas/timestamp.ts";
import {
  type DeadLetterRequest,
  type DeadLetterShown,
  type DeadLettersFound,
  type LetterSettled,
  shownBytes,
  type ShownBytes,
} from "./dead-letters.ts";

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
  request: DeadLetterRequest,
  { settled, ...bounds }: Partial<SearchBounds> & { readonly settled?: Pick<SettledLetters, "of"> } = {},
): Promise<DeadLettersFound> {
  const { topics, limit } = request;
  let { records, bytes } = { ...defaultBounds, ...bounds };
  const until = performance.now() + (bounds.ms ?? defaultBounds.ms);
  const wanted = { request, settled: settled ?? noneSettled };
  const sides = await sidesOf(log, topics);
  let open = sides.filter(({ upTo, logStart }) => upTo > logStart);
  while (open.length > 0 && records > 0 && bytes > 0 && performance.now() < until) {
    for (const side of open) {
      const read = await stepBack(log, side, wanted);
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
  wanted: Wanted,
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
      found.push(...lettersIn(batch, { from, upTo, ...wanted }));
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

type Wanted = { readonly request: DeadLetterRequest; readonly settled: Pick<SettledLetters, "of"> };
const noneSettled = { of: () => undefined };

function lettersIn(batch: FetchedBatch, { from, upTo, request, settled }: Wanted & { from: bigint; upTo: bigint }): Found[] {
  const { node, reason, fromMs = -Infinity, toMs = Infinity, state = "all" } = request;
  const { index, baseOffset, appendedAtMs, kind, topic, partition } = batch;
  if (appendedAtMs < fromMs || appendedAtMs >= toMs) return [];
  if (kind !== "records") return [];
  const found: Found[] = [];
  for (let i = 0; i < batch.count; i++) {
    const offset = baseOffset + BigInt(index.numbers[i]!);
    if (offset < from || offset >= upTo) continue;
    const letter = node === undefined && reason === undefined ? undefined : deadLetterOf(headerBytesOf(index, i));
    if ((node !== undefined && letter!.node !== node) || (reason !== undefined && letter!.reason !== reason)) continue;
    const place = { topic, partition, offset };
    const settlement = settled.of(place);
    if (state !== "all" && (state === "open") !== (settlement === undefined)) continue;
    found.push({ appendedAtMs, offset, shown: () => shownLetter({ place, index, i, appendedAtMs }, settlement) });
  }
  return found;
}

type Lying = Pick<ReadLetter, "place" | "index" | "i" | "appendedAtMs">;

export function shownLetter({ place, index, i, appendedAtMs }: Lying, settlement: Settlement | undefined): DeadLetterShown {
  const { topic, partition, offset } = place;
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
    settled: settlement === undefined ? null : settledOf(settlement),
  };
}

const settledOf = ({ kind, atMs, by, key, why }: Settlement): LetterSettled => ({ kind, at: formatTimestamp(atMs), by, key, why });

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
