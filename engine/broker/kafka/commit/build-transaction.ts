import type { Commit, RecordBatch, TaskCommit } from "#broker/broker.ts";
import { writeChanges } from "../changelog/changelog-entry.ts";
import { KafkaBatchWriter } from "../codec/batch-writer.ts";
import type { Compression } from "../codec/compression.ts";
import { changelogOf } from "../names.ts";
import type { PartitionBatches } from "../produce/partition-batches.ts";
import type { OffsetToCommit } from "../transaction/transaction.ts";
import { encodeNote, fitsNote } from "./offset-note.ts";

export type BuiltCommit = {
  readonly batches: readonly PartitionBatches[];
  readonly offsets: readonly OffsetToCommit[];
  /** Tasks of which something lies in the changelog under this commit's number. */
  readonly logged: readonly TaskCommit[];
  readonly bytes: number;
};

/** Whether something of the commit has to lie in the changelog: changed state, or a meta that no note has room for. */
const isLogged = ({ changes, meta }: TaskCommit): boolean => changes.length > 0 || !fitsNote(meta);

/** What a commit writes and where: outputs of all tasks, marks behind them, changes, and the positions with their notes. */
export function buildTransaction(
  { group, tasks, watermarks }: Commit,
  {
    compression,
    by,
    changelogs,
    nowMs,
    changelogNumberOf,
  }: {
    readonly compression: Compression;
    /** Who commits, for the notes. */
    readonly by: string;
    /** Kafka's ids of the changelogs, by name. */
    readonly changelogs: ReadonlyMap<string, string>;
    readonly nowMs: number;
    /** The last commit of a task that wrote to its changelog. */
    readonly changelogNumberOf: (task: TaskCommit) => bigint;
  },
): BuiltCommit {
  const writers = new Map<string, { readonly topic: string; readonly partition: number; readonly writer: KafkaBatchWriter }>();
  const writerOf = (topic: string, partition: number): KafkaBatchWriter => {
    const place = `${topic} ${partition}`;
    let found = writers.get(place);
    if (found === undefined) writers.set(place, (found = { topic, partition, writer: new KafkaBatchWriter({ compression }) }));
    return found.writer;
  };
  const add = ({ topic, partition, kind, bytes, count }: RecordBatch): void => {
    const writer = writerOf(topic, partition);
    if (kind === "watermarks") writer.addMarks(bytes, count);
    else writer.addFrame(bytes, count);
  };
  for (const { outputs } of tasks) outputs.forEach(add);
  watermarks.forEach(add);
  const logged = tasks.filter(isLogged);
  for (const task of logged) {
    const { topic, partition } = changelogOf(group, task.task);
    const writer = writerOf(topic, partition);
    writeChanges(task, (key, value) => writer.addRecord(key, value, nowMs));
  }
  const batches = [...writers.values()].map(({ topic, partition, writer }) => ({ topic, partition, batches: writer.take() }));
  const offsets = tasks.flatMap((task) => {
    const inLog = isLogged(task);
    const changelog = changelogs.get(changelogOf(group, task.task).topic)!;
    const note = { task: task.task, by, number: task.number, changelog, changelogNumber: inLog ? task.number : changelogNumberOf(task) };
    const metadata = encodeNote({ ...note, meta: inLog ? undefined : task.meta });
    return task.next.map(({ topic, partition, offset }) => ({ topic, partition, offset, metadata }));
  });
  const bytes = batches.reduce((sum, of) => sum + of.batches.reduce((total, { byteLength }) => total + byteLength, 0), 0);
  return { batches, offsets, logged, bytes };
}
