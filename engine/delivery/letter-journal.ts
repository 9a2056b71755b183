import type { FetchedBatch, RecordBatch, TopicSpec } from "#broker/broker.ts";
import { noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import type { LetterPlace } from "./letter-place.ts";

/** What was done with letters, by whom and why. */
export type Settlement = {
  readonly kind: "redriven" | "dropped";
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** Who said to be doing it. */
  readonly by: string;
  /** Whose key let them in. */
  readonly key: string;
  readonly why: string | null;
};

type Entry = Settlement & { readonly topic: string; readonly partition: number; readonly offsets: readonly string[] };

/** Kept for ever: a letter whose settlement is forgotten could be redriven twice. */
export const letterJournalOf = (topology: string): TopicSpec => ({
  name: `${topology}-letters`,
  partitions: 1,
  retention: { kind: "forever" },
});

/** One record of the journal: letters of one partition that were settled together. */
export function journalBatch(journal: string, settlement: Settlement, letters: readonly LetterPlace[]): RecordBatch {
  const { topic, partition } = letters[0]!;
  const entry: Entry = { ...settlement, topic, partition, offsets: letters.map(({ offset }) => String(offset)) };
  const builder = new RecordBatchBuilder();
  const value = Buffer.from(JSON.stringify(entry));
  builder.append({ timestamp: settlement.atMs, sequence: 0, key: `${topic}/${partition}`, value, headers: noHeaders });
  return { topic: journal, partition: 0, kind: "records", ...builder.take()! };
}

/** Which letters are settled, as the journal tells. */
export class SettledLetters {
  /** By offset within a partition of letters; offsets of logs that are read here are safe integers. */
  private readonly partitions = new Map<string, Map<number, Settlement>>();

  of({ topic, partition, offset }: LetterPlace): Settlement | undefined {
    return this.partitions.get(`${topic}/${partition}`)?.get(Number(offset));
  }

  take(batch: FetchedBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const { topic, partition, offsets, ...settlement } = JSON.parse(valueOf(batch.index, i)!.toString()) as Entry;
      const name = `${topic}/${partition}`;
      const known = this.partitions.get(name) ?? new Map<number, Settlement>();
      this.partitions.set(name, known);
      for (const offset of offsets) known.set(Number(offset), settlement);
    }
  }
}
