import {
  type Broker,
  BrokerError,
  decodeHeaders,
  headerBytesOf,
  letterName,
  type LetterDesk,
  LetterError,
  type LetterPlace,
  partitionsWithLetters,
  type ReadLetter,
  readLetters,
  valueOf,
} from "@millrace/engine";
import { formatTimestamp } from "#schemas/timestamp.ts";
import { shownLetter } from "../topology/read-dead-letters.ts";
import { type LetterAnswer, type LetterAsk, type LetterLine, type LetterWhole, wholeBytes } from "./letter-asks.ts";

export type LetterOffice = {
  readonly log: Pick<Broker, "fetch">;
  /** Who settles letters here, and knows which are settled. */
  readonly desk: LetterDesk;
  /** Milliseconds that counting may take. */
  readonly countMs?: number;
};

/** Answers what is asked of the letters; a log that is closed or away is no bug. [RD6] */
export async function answerLetters(office: LetterOffice, ask: LetterAsk, signal: AbortSignal): Promise<LetterAnswer> {
  try {
    if (ask.kind === "settle") return { kind: "report", report: await office.desk.settle(ask, signal) };
    if (ask.kind === "letter") return { kind: "letter", letter: await wholeLetter(office, ask.place) };
    return await summaryOf(office, ask, signal);
  } catch (error) {
    if (error instanceof LetterError) return { kind: "unavailable", detail: `${error.code}: ${error.message}; ask again` };
    const detail = logProblem(error);
    if (detail === undefined) throw error;
    return { kind: "unavailable", detail };
  }
}

/** What keeps a log from answering and is no bug: it is closed, away, or refuses what it was asked for (a right that is missing). */
export function logProblem(error: unknown): string | undefined {
  if (!(error instanceof BrokerError)) return undefined;
  if (error.code === "BROKER_CLOSED") return "the log is closed";
  return error.retryable || error.code === "BROKER_REFUSED" ? `${error.code}: ${error.message}` : undefined;
}

type Count = { -readonly [field in "open" | "redriven" | "dropped"]: number } & { oldestMs: number; newestMs: number };

async function summaryOf(
  { log, desk, countMs = 5000 }: LetterOffice,
  { topics, ...filter }: Extract<LetterAsk, { kind: "summary" }>,
  signal: AbortSignal,
): Promise<LetterAnswer> {
  const { node, reason, fromMs = -Infinity, toMs = Infinity } = filter;
  const settled = await desk.settled();
  const partitions = await partitionsWithLetters(log, topics);
  const until = performance.now() + countMs;
  const counts = new Map<string, Count>();
  let complete = true;
  const take = ({ place, letter, appendedAtMs }: ReadLetter): void => {
    if ((node !== undefined && letter.node !== node) || (reason !== undefined && letter.reason !== reason)) return;
    if (appendedAtMs < fromMs || appendedAtMs >= toMs) return;
    const name = JSON.stringify([place.topic, letter.node, letter.reason]);
    const count = counts.get(name) ?? { open: 0, redriven: 0, dropped: 0, oldestMs: Infinity, newestMs: -Infinity };
    counts.set(name, count);
    count[settled.of(place)?.kind ?? "open"] += 1;
    count.oldestMs = Math.min(count.oldestMs, appendedAtMs);
    count.newestMs = Math.max(count.newestMs, appendedAtMs);
  };
  for (const { topic, partition } of partitions) {
    if (!complete) break;
    for await (const letter of readLetters(log, { topic, partition, from: -1n })) {
      signal.throwIfAborted();
      take(letter);
      if (performance.now() > until) complete = false;
      if (!complete) break;
    }
  }
  const newestFirst = [...counts].sort(([, a], [, b]) => b.newestMs - a.newestMs);
  const lines = newestFirst.map(([name, { oldestMs, newestMs, ...count }]): LetterLine => {
    const [topic, ofNode, ofReason] = JSON.parse(name) as [string, string, string];
    return { topic, node: ofNode, reason: ofReason, ...count, oldest: formatTimestamp(oldestMs), newest: formatTimestamp(newestMs) };
  });
  return { kind: "summary", lines, complete };
}

async function wholeLetter({ log, desk }: LetterOffice, place: LetterPlace): Promise<LetterWhole | undefined> {
  const settled = await desk.settled();
  try {
    for await (const letter of readLetters(log, { ...place, from: place.offset })) {
      if (letterName(letter.place) !== letterName(place)) return undefined;
      const value = valueOf(letter.index, letter.i);
      return {
        shown: shownLetter(letter, settled.of(place)),
        headers: decodeHeaders(headerBytesOf(letter.index, letter.i)),
        bytes: value && new Uint8Array(value.subarray(0, wholeBytes)),
      };
    }
  } catch (error) {
    if (error instanceof BrokerError && error.code === "BROKER_UNKNOWN_TOPIC") return undefined;
    throw error;
  }
  return undefined;
}
