import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { BrokerError } from "#broker/broker-error.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import type { CommittedBatch } from "./committed-batches.ts";
import type { PartitionAsk } from "./fetch-request.ts";
import { checkOffset, type PartitionRead, readPartitions } from "./read-partitions.ts";

/** `to` is the goal: the offset behind the last record to be read. */
export type CommittedRange = { readonly topic: string; readonly partition: number; readonly from: bigint; readonly to: bigint };

/** What was read of one range, in order; `next` is where reading it goes on, `to` when it is done. */
export type RangeRead = {
  readonly topic: string;
  readonly partition: number;
  readonly parts: readonly CommittedBatch[];
  readonly next: bigint;
};

export type RangeReading = {
  /** Called with what each answer holds, also when that is only a `next` that moved; the next answer is under way meanwhile. */
  readonly each: (read: RangeRead) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
  /** Soft bound of one leader's answer. */
  readonly maxBytes?: number;
  /** How long a partition that moves, or has no leader, is asked again. */
  readonly deadlineMs?: number;
};

type Open = PartitionAsk & { readonly to: bigint };

const shortestPauseMs = 5;
const longestPauseMs = 100;

/**
 * Reads the committed records of ranges of different partitions to their ends, and waits where a transaction is still open before one. It never waits
 * at a broker, so that the client's connections stay free for others.
 *
 * @throws {BrokerError} `BROKER_OFFSET_OUT_OF_RANGE` when a partition does not hold where to begin, `BROKER_UNKNOWN_TOPIC`, `BROKER_CORRUPT`
 * @throws {KafkaError}
 */
export async function committedRanges(client: KafkaClient, ranges: readonly CommittedRange[], reading: RangeReading): Promise<void> {
  const { each, signal, maxBytes = 1 << 20, deadlineMs: forMs = 60_000 } = reading;
  for (const { topic, partition, from } of ranges) checkOffset(topic, partition, from);
  const read = (asks: readonly Open[]): Promise<readonly PartitionRead[]> =>
    readPartitions(client, asks, { maxBytes, maxWaitMs: 0, forMs, signal });
  let open: readonly Open[] = ranges.flatMap(({ from, ...range }) => (from < range.to ? [{ ...range, offset: from, maxBytes }] : []));
  let answers = read(open);
  for (let pauseMs = shortestPauseMs; open.length > 0;) {
    const reads = (await answers).map((answer, i) => rangeRead(open[i]!, answer));
    signal?.throwIfAborted();
    const moved = reads.filter(({ next }, i) => next > open[i]!.offset);
    open = inTurn(open, reads);
    if (moved.length === 0) await sleep(pauseMs, undefined, { signal });
    pauseMs = moved.length === 0 ? Math.min(pauseMs * 2, longestPauseMs) : shortestPauseMs;
    answers = read(open);
    // `each` may throw before anybody waits for them.
    answers.catch(() => undefined);
    if (moved.length > 0) await nextTurn();
    for (const range of moved) await each(range);
  }
  await answers;
}

function rangeRead({ topic, partition, offset, to }: Open, answer: PartitionRead): RangeRead {
  if (answer.kind === "out-of-range") {
    throw new BrokerError("BROKER_OFFSET_OUT_OF_RANGE", "the partition does not hold where reading begins", {
      at: `${topic}[${partition}]@${offset}`,
    });
  }
  // No batch lies across a goal that was an end of the partition once.
  return { topic, partition, parts: answer.batches.filter(({ baseOffset }) => baseOffset < to), next: answer.next < to ? answer.next : to };
}

/** What is still to be read; what was served stands behind. */
function inTurn(open: readonly Open[], reads: readonly RangeRead[]): readonly Open[] {
  const further = open.map((range, i) => ({ range: { ...range, offset: reads[i]!.next }, served: reads[i]!.next > range.offset }));
  const left = further.filter(({ range }) => range.offset < range.to);
  return left.toSorted((a, b) => Number(a.served) - Number(b.served)).map(({ range }) => range);
}
