import type {
  AppendResult,
  Broker,
  Commit,
  CommitResult,
  FetchedBatch,
  FetchLimits,
  GroupSpec,
  Membership,
  MembershipHooks,
  Position,
  RecordBatch,
  TaskCheckpoint,
  TaskId,
  TopicSpec,
} from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import { Checkpointer } from "./checkpointer.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { CommitStep } from "./commit-steps.ts";
import { Commits } from "./commits.ts";
import { EmbeddedDatabase } from "./database.ts";
import { Deltas } from "./deltas.ts";
import { FetchWaiters } from "./fetch-waiters.ts";
import { Groups } from "./group/groups.ts";
import { type Cursor, Log } from "./log/log.ts";
import { type AppendGap, checkBatch, checkBatchWithGaps, type CheckedBatch } from "./log/offset-gaps.ts";
import { mergeBatches } from "./log/merge-batches.ts";
import type { Partition } from "./log/partitions.ts";
import { Retention } from "./log/retention.ts";
import type { WaitForDisk } from "./wal-sync.ts";
import { WriteQueue } from "./write-queue.ts";

export type EmbeddedBrokerOptions = {
  /** A file, made when it is missing, or `:memory:`. */
  readonly path: string;
  /** Milliseconds since the epoch; stamps appends and judges retention. */
  readonly clock?: () => number;
  /** How long a member may take to give tasks back before they are taken from it. */
  readonly revokeTimeoutMs?: number;
  /** Bytes of the newest batches that stay in memory for their readers; 16 MiB unless told, 0 for none. */
  readonly tailBytes?: number;
  /** Leaves gaps in the offsets, for tests. */
  readonly appendGap?: AppendGap;
  /** Waits for the disk, for tests of disks that are slow or fail. */
  readonly waitForDisk?: WaitForDisk;
  /** Hears of each step of each commit, for crash tests. */
  readonly onCommitStep?: (step: CommitStep) => void;
};

/** Opens the log in one SQLite file of this process. @throws {BrokerError} `BROKER_LOCKED`, `BROKER_CORRUPT`, `BROKER_IO` */
export function openEmbeddedBroker(options: EmbeddedBrokerOptions): EmbeddedBroker {
  return new EmbeddedBroker(options);
}

/** The log in one SQLite file; calls are served in turns of the event loop, so that none of them starves the thread's other work. */
export class EmbeddedBroker implements Broker {
  readonly database: EmbeddedDatabase;
  /** Of this log and no other; a copy of the file has the same. */
  readonly identity: string;
  readonly #log;
  readonly #checkpoints;
  readonly #checkpointer;
  readonly #groups;
  readonly #queue;
  readonly #retention;
  readonly #waiters = new FetchWaiters();
  readonly #appendGap;
  #fetches = 0;
  #closed = false;

  constructor(options: EmbeddedBrokerOptions) {
    const { path, clock = Date.now, revokeTimeoutMs = 10_000, tailBytes = 16 << 20, appendGap, onCommitStep = () => undefined } = options;
    const database = new EmbeddedDatabase(path, options.waitForDisk);
    this.database = database;
    this.identity = identityOf(database);
    this.#appendGap = appendGap;
    const log = (this.#log = new Log(database, tailBytes));
    const checkpoints = (this.#checkpoints = new Checkpoints(database));
    const groups = (this.#groups = new Groups(database, { revokeTimeoutMs, drain: () => this.#queue.drain() }));
    const commits = new Commits({ log, checkpoints, deltas: new Deltas(database) }, (name) => groups.find(name), onCommitStep);
    const checkpointer = (this.#checkpointer = new Checkpointer(database));
    const onWritten = (partitions: readonly Partition[]): void => this.#waiters.wake(partitions);
    this.#queue = new WriteQueue({ database, log, commits, clock, onWritten, onTransaction: () => checkpointer.wrote() });
    this.#retention = new Retention({ database, log, groups, checkpoints }, clock);
    this.#retention.start();
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.#mustBeOpen();
    this.#log.partitions.ensure(specs);
  }

  /** Partitions of a topic; 0 when the log does not have it. */
  partitionsOf(topic: string): number {
    this.#mustBeOpen();
    return this.#log.partitions.countOf(topic);
  }

  async append(batches: readonly RecordBatch[]): Promise<readonly AppendResult[]> {
    this.#mustBeOpen();
    return batches.length === 0 ? [] : this.#queue.append(batches.map((batch) => this.#check(batch)));
  }

  async join(group: GroupSpec, hooks: MembershipHooks): Promise<Membership> {
    this.#mustBeOpen();
    return this.#groups.open(group.group).join(group, hooks);
  }

  async fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    this.#mustBeOpen();
    await turn();
    const found = this.#collect(positions, limits);
    if (found.some(({ count }) => count > 0) || limits.maxWaitMs <= 0) return found;
    await this.#waiters.wait(
      positions.map(({ topic, partition }) => this.#log.partitions.get(topic, partition)),
      limits.maxWaitMs,
    );
    return this.#collect(positions, limits);
  }

  async committed(group: string, tasks: readonly TaskId[]): Promise<readonly TaskCheckpoint[]> {
    this.#mustBeOpen();
    this.#queue.drain();
    return tasks.map((task) => this.#checkpoints.read(group, task));
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#mustBeOpen();
    const check = (batch: RecordBatch): CheckedBatch => this.#check(batch);
    return this.#queue.commit({
      commit,
      outputs: mergeBatches(commit.tasks.flatMap(({ outputs }) => outputs.map(check))),
      watermarks: mergeBatches(commit.watermarks.map(check)),
    });
  }

  /** Drops a slice of what retention no longer keeps, which also happens by itself; true when there may be more. */
  maintain(): boolean {
    this.#mustBeOpen();
    return this.#retention.maintain();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#retention.stop();
    this.#queue.drain();
    this.#closed = true;
    this.#waiters.wakeAll();
    const checkpointing = this.#checkpointer.close();
    if (checkpointing !== undefined) await checkpointing;
    this.database.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new BrokerError("BROKER_CLOSED", "the log is closed", { at: this.database.path });
  }

  #check(batch: RecordBatch): CheckedBatch {
    this.#log.partitions.get(batch.topic, batch.partition);
    return this.#appendGap === undefined ? checkBatch(batch) : checkBatchWithGaps(batch, this.#appendGap);
  }

  /** Another position begins each time, so that a small total bound starves none; the answer keeps the order of the question. */
  #collect(positions: readonly Position[], { maxBytes, maxBytesPerPartition }: FetchLimits): readonly FetchedBatch[] {
    this.#mustBeOpen();
    return this.database.read(() => {
      const cursors = positions.map((position) => this.#log.cursorAt(position));
      const answers: (readonly FetchedBatch[])[] = cursors.map((cursor) => [this.#log.none(cursor)]);
      let bytesLeft = maxBytes;
      const first = this.#fetches++;
      for (let i = 0; i < cursors.length && bytesLeft > 0; i++) {
        const at = (first + i) % cursors.length;
        const cursor: Cursor = cursors[at]!;
        const batches = this.#log.read(cursor, Math.min(bytesLeft, maxBytesPerPartition));
        if (batches.length === 0) continue;
        answers[at] = batches;
        bytesLeft -= batches.reduce((sum, { index }) => sum + index.bytes.length, 0);
      }
      return answers.flat();
    });
  }
}

/** The next turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const identitySchema = ["CREATE TABLE identity(id TEXT NOT NULL)", "INSERT INTO identity VALUES (lower(hex(randomblob(16))))"];

function identityOf(database: EmbeddedDatabase): string {
  database.migrate("identity", identitySchema);
  return String(database.read(() => database.connection.prepare("SELECT id FROM identity").get())!["id"]);
}
