import { BrokerError } from "#broker/broker-error.ts";
import { type Broker, earliest, type FetchedBatch } from "#broker/broker.ts";
import { type BatchIndex, decodeHeaders, headerBytesOf, keyTextOf } from "#broker/record-batch.ts";
import { type DeadLetter, deadLetterOf } from "#task/dead-letter.ts";
import { type Redrive, redriveAmong } from "#task/redrive.ts";
import type { LetterPlace } from "./letter-place.ts";

/** A letter where it lies in its batch; good until the next one is read. */
export type ReadLetter = {
  readonly place: LetterPlace;
  readonly index: BatchIndex;
  readonly i: number;
  readonly key: string | null;
  readonly letter: DeadLetter;
  readonly before: Redrive | undefined;
  /** When the log took it, ms; on Kafka the greatest time in its batch. */
  readonly appendedAtMs: number;
};

const limits = { maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxWaitMs: 0 };

/** Partitions of letters. */
type Topics = readonly { readonly name: string; readonly partitions: number }[];

/** Those of them that hold something, by one question: most are empty, and on Kafka each costs a way to a broker. */
export async function partitionsWithLetters(
  log: Pick<Broker, "fetch">,
  topics: Topics,
): Promise<readonly { readonly topic: string; readonly partition: number }[]> {
  const all = topics.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition, offset: earliest })),
  );
  if (all.length === 0) return [];
  const batches = await log.fetch(all, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
  const held = new Set(batches.filter(({ logStart, end }) => logStart < end).map(({ topic, partition }) => `${partition}/${topic}`));
  return all.filter(({ topic, partition }) => held.has(`${partition}/${topic}`));
}

/** The letters of a partition from an offset on up to where it ended when the reading began, in their order; a turn of the event loop between batches. */
export async function* readLetters(
  log: Pick<Broker, "fetch">,
  { topic, partition, from }: { readonly topic: string; readonly partition: number; readonly from: bigint },
): AsyncGenerator<ReadLetter> {
  let end: bigint | undefined;
  for (let at = from; end === undefined || at < end;) {
    const batches = await batchesFrom(log, { topic, partition, offset: at });
    end ??= batches[0]!.end;
    const before = at;
    for (const batch of batches) {
      const { index, baseOffset, appendedAtMs, kind } = batch;
      for (let i = 0; kind === "records" && i < batch.count; i++) {
        const offset = baseOffset + BigInt(index.numbers[i]!);
        if (offset < at || offset >= end) continue;
        const headers = headerBytesOf(index, i);
        const place = { topic, partition, offset };
        const before = redriveAmong(decodeHeaders(headers));
        yield { place, index, i, key: keyTextOf(index, i), letter: deadLetterOf(headers), before, appendedAtMs };
      }
      at = batch.next;
    }
    if (at <= before) return;
  }
}

/** What retention has dropped is gone. */
async function batchesFrom(log: Pick<Broker, "fetch">, position: LetterPlace): Promise<readonly FetchedBatch[]> {
  try {
    return await log.fetch([position], limits);
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== "BROKER_OFFSET_OUT_OF_RANGE") throw error;
    return log.fetch([{ ...position, offset: earliest }], limits);
  }
}
