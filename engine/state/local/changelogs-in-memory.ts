import type { StoreDelta, TaskId } from "#broker/broker.ts";
import { type ChangelogEntry, readEntry, writeChanges } from "#broker/kafka/changelog/changelog-entry.ts";
import type { LocalState } from "./local-state.ts";

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
export function bringBack(
  local: LocalState,
  logs: Changelogs,
  { behind, slice, most = Infinity }: { behind: bigint; slice: number; most?: number },
): void {
  for (const [task, records] of logs.records) {
    const from = local.read(task)?.next ?? 0n;
    const rest = records.filter(({ offset }) => offset >= from).map((record) => ({ ...record, entry: entryOf(record) }));
    const restoration = local.restore(task, { id: "id", behind, atMs: 1 });
    for (let i = 0; i < rest.length; i += slice) {
      if (i >= most) return;
      const part = rest.slice(i, i + slice);
      restoration.apply(
        part.map(({ entry }) => entry),
        part.at(-1)!.offset + 1n,
      );
    }
    const last = records.findLast(({ key }) => entryOf({ offset: 0n, key, value: Buffer.alloc(8) }).kind === "meta")!;
    const meta = entryOf(last) as Extract<ChangelogEntry, { kind: "meta" }>;
    restoration.finish({ number: meta.number, meta: meta.meta, next: logs.ends.get(task)! });
  }
}
