import type { StoreDelta, TaskId } from "#broker/broker.ts";
import { type ChangelogBatch, type ChangelogEntry, readEntry, writeChanges } from "#broker/kafka/changelog/changelog-entry.ts";
import { readBatchHeader } from "#broker/kafka/codec/batch-header.ts";
import { KafkaBatchWriter, sealBatch } from "#broker/kafka/codec/batch-writer.ts";
import { decodeBatch } from "#broker/kafka/codec/decode-batch.ts";
import type { LocalState } from "./local-state.ts";

/** Records as they come from a broker. */
export function batchesOf(records: readonly { readonly key: Uint8Array; readonly value: Uint8Array | null }[]): ChangelogBatch[] {
  const writer = new KafkaBatchWriter();
  for (const { key, value } of records) writer.addRecord(key, value, 0);
  return writer.take().flatMap((batch) => {
    const bytes = sealBatch(batch, { producerId: -1n, producerEpoch: -1, firstSequence: -1, transactional: false });
    return decodeBatch(bytes, 0, readBatchHeader(bytes, 0, "test")!, "test").map(({ index }) => ({ index, at: () => "test" }));
  });
}

export type ChangelogRecord = { readonly offset: bigint; readonly key: Buffer; readonly value: Buffer | null };

/** The records of each task's changelog, as a broker would keep them: those with the same key can be compacted. */
export class Changelogs {
  readonly records = new Map<TaskId, ChangelogRecord[]>();
  readonly ends = new Map<TaskId, bigint>();

  append(task: TaskId, number: bigint, changes: readonly StoreDelta[]): bigint {
    const records = this.records.get(task) ?? [];
    this.records.set(task, records);
    let end = this.ends.get(task) ?? 0n;
    const meta = Buffer.from(`meta ${number}`);
    writeChanges({ task, number, next: [], meta, changes, outputs: [] }, (key, value) => {
      records.push({ offset: end++, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) });
    });
    // A commit marker takes an offset.
    this.ends.set(task, ++end);
    return end;
  }

  compact(task: TaskId): void {
    const newest = new Map(this.records.get(task)?.map((record) => [record.key.toString("latin1"), record]));
    this.records.set(
      task,
      [...newest.values()].toSorted((a, b) => Number(a.offset - b.offset)),
    );
  }
}

export const entryOf = ({ key, value }: ChangelogRecord): ChangelogEntry => readEntry(key, value, () => "test")!;

/** Brings a local copy up to the end of its changelogs, `slice` records at a time; cut off after `most` of them. */
export async function bringBack(
  local: LocalState,
  logs: Changelogs,
  { behind, slice, most = Infinity }: { behind: bigint; slice: number; most?: number },
): Promise<void> {
  for (const [task, records] of logs.records) {
    const from = local.read(task)?.next ?? 0n;
    const rest = records.filter(({ offset }) => offset >= from);
    const restoration = local.restore(task, { id: "id", behind, atMs: 1 });
    for (let i = 0; i < rest.length; i += slice) {
      if (i >= most) return restoration.cutOff();
      const part = rest.slice(i, i + slice);
      await restoration.apply(batchesOf(part), part.at(-1)!.offset + 1n);
    }
    if (rest.length > 0) restoration.finish(logs.ends.get(task)!);
  }
}
