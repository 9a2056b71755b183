import { BrokerError } from "#broker/broker-error.ts";
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
import { listOffsets } from "./admin/offsets.ts";
import { PartitionWatch } from "./admin/partition-watch.ts";
import { ensureCompacted, ensureTopics } from "./admin/topic-admin.ts";
import { defaultCompaction, type TopicDefaults } from "./admin/topic-settings.ts";
import { Trimmer } from "./admin/trimmer.ts";
import { appendBatches } from "./append.ts";
import { asBrokerError } from "./as-broker-error.ts";
import type { LocalCopy } from "./changelog/local-copy.ts";
import { Restorer } from "./changelog/restorer.ts";
import type { Compression } from "./codec/compression.ts";
import { Checkpoints, type NotedCheckpoint } from "./commit/checkpoints.ts";
import { commitOnSeat, orAborted } from "./commit/commit-on-seat.ts";
import { Fetcher } from "./fetch/fetcher.ts";
import type { Owner } from "./group/group-view.ts";
import { GroupMember } from "./group/group-member.ts";
import { type KafkaEvents, noKafkaEvents } from "./kafka-events.ts";
import { changelogOf, transactionalIdOf } from "./names.ts";
import { IdempotentProducer } from "./produce/idempotent-producer.ts";
import { Seat } from "./seat.ts";
import { TransactionManager } from "./transaction/transaction-manager.ts";
import type { TransactionStep } from "./transaction/transaction.ts";
import type { ClusterSettings } from "./wire/cluster.ts";
import { KafkaClient } from "./wire/kafka-client.ts";

export type KafkaBrokerOptions = {
  readonly cluster: ClusterSettings;
  /** Where the state of this process's tasks is kept on disk. */
  readonly local: LocalCopy;
  /** For topics that are made; those that exist are verified. */
  readonly topics?: TopicDefaults;
  /** Of what is written; reading takes any. */
  readonly compression?: Compression;
  /** `host:port` where this process answers queries, told to the other members. */
  readonly endpoint?: string;
  /** `leave` ends without leaving the group: who joins under the same name within the session has its tasks back, and nobody else gets them. */
  readonly keepMembership?: boolean;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  /** Above the longest commit: what a dead worker left open blocks its successor for so long (design: 10–15 s). */
  readonly transactionTimeoutMs?: number;
  /** How long what can be tried again is, inside of a transaction. */
  readonly transactionDeadlineMs?: number;
  /** How often internal topics are trimmed behind the commits. */
  readonly trimEveryMs?: number;
  /** How often it is asked whether somebody changed the partitions of topics in use. */
  readonly watchEveryMs?: number;
  readonly clock?: () => number;
  readonly events?: KafkaEvents;
  /** Hears of each step of each commit, for crash tests. */
  readonly onCommitStep?: (step: CommitStep) => void;
};

/** The steps of a transaction, then `local`: the local copy is written too. From `ended` on the commit is durable. */
export type CommitStep = TransactionStep | "local";

/** A broker that is silent for so long is asked again elsewhere, well within the deadline of a transaction. */
const requestTimeoutMs = 10_000;

/** The log on a Kafka cluster. Each group member of it has its own transactions; state is kept in compacted changelogs and in a local copy. */
export class KafkaBroker implements Broker {
  readonly #options;
  readonly #clock: () => number;
  readonly #events: KafkaEvents;
  readonly #client: KafkaClient;
  readonly #fetcher: Fetcher;
  readonly #appends: KafkaClient;
  readonly #producer: IdempotentProducer;
  readonly #restorer: Restorer;
  readonly #trimmer: Trimmer;
  readonly #partitions: PartitionWatch;
  readonly #seats: Seat[] = [];
  readonly #closing = new AbortController();
  readonly #under = new Set<Promise<unknown>>();
  readonly #appending = new Set<Promise<unknown>>();
  /** Where the newest commit of this process ended in each partition. */
  readonly #written = new Map<string, bigint>();
  #closed = false;

  constructor(options: KafkaBrokerOptions) {
    const { cluster, local, topics, clock = Date.now, events = noKafkaEvents, trimEveryMs = 30_000, watchEveryMs = 30_000 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#events = events;
    const client = (this.#client = new KafkaClient(cluster, "admin"));
    this.#fetcher = new Fetcher(cluster);
    this.#appends = new KafkaClient(cluster, "append", { requestTimeoutMs });
    this.#producer = new IdempotentProducer({ client: this.#appends });
    const { deleteRetentionMs } = topics?.changelog ?? defaultCompaction;
    this.#restorer = new Restorer({ client: new KafkaClient(cluster, "restore"), local, events, clock, deleteRetentionMs });
    this.#trimmer = new Trimmer(client, trimEveryMs);
    this.#partitions = new PartitionWatch(client, watchEveryMs);
  }

  async ensureTopics(specs: readonly TopicSpec[]): Promise<void> {
    await this.#call(async () => {
      await ensureTopics(this.#client, specs, this.#topicDefaults);
      for (const { name, retention } of specs) if (retention.kind === "consumed") this.#trimmer.watch(name);
      this.#partitions.expect(specs);
    });
  }

  async append(batches: readonly RecordBatch[]): Promise<readonly AppendResult[]> {
    return this.#call(async () => {
      if (batches.length === 0) return [];
      const appending = this.#mustExist(batches).then(() => this.#appendNow(batches));
      this.#appending.add(appending);
      return appending.finally(() => this.#appending.delete(appending));
    });
  }

  #appendNow(batches: readonly RecordBatch[]): Promise<readonly AppendResult[]> {
    return appendBatches(this.#producer, batches, this.#options.compression ?? "none");
  }

  async join(spec: GroupSpec, hooks: MembershipHooks): Promise<Membership> {
    return this.#call(async () => {
      const {
        cluster,
        local,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        transactionTimeoutMs = 15_000,
        transactionDeadlineMs,
        endpoint,
      } = this.#options;
      const logs = changelogsOf(spec);
      await ensureCompacted(this.#client, logs, this.#topicDefaults);
      const changelogs = new Map(logs.map(({ name }) => [name, this.#client.known(name)!.id]));
      for (const seat of this.#seats.slice())
        if (seat.spec.group === spec.group && seat.spec.member === spec.member) void this.#replaced(seat);
      const transactionalId = transactionalIdOf(spec.group, spec.member);
      const client = new KafkaClient(cluster, "commit", { requestTimeoutMs });
      const transactions = new TransactionManager({
        client,
        transactionalId,
        timeoutMs: transactionTimeoutMs,
        ...(transactionDeadlineMs === undefined ? {} : { deadlineMs: transactionDeadlineMs }),
        onStep: (step) => this.#options.onCommitStep?.(step),
      });
      const seat = new Seat(spec, hooks, {
        client,
        checkpoints: new Checkpoints(this.#client, { ...spec, forMs: transactionDeadlineMs }),
        changelogs,
        transactions,
      });
      seat.member = new GroupMember(
        {
          cluster,
          group: spec.group,
          instanceId: spec.member,
          tasks: spec.tasks,
          endpoint,
          ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
          ...(rebalanceTimeoutMs === undefined ? {} : { rebalanceTimeoutMs }),
        },
        {
          ...seat.hooks,
          heldState: () => heldState(this.#client, spec, local),
          rebalancing: (reason) => this.#events.rebalancing(reason),
          rebalanced: (rebalance) => this.#events.rebalanced(rebalance),
        },
      );
      try {
        // Fences the process before, so that what it left open ends now and not after its timeout.
        await transactions.open();
        if (this.#closed) throw closed();
        this.#seats.push(seat);
        await seat.member.join();
        if (this.#closed) throw closed();
      } catch (error) {
        await this.#dismiss(seat);
        throw error;
      }
      return { leave: () => this.#leave(seat) };
    });
  }

  async fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    return this.#call(async () => {
      this.#partitions.refuse();
      const fetched = await this.#fetcher.fetch(positions, limits);
      // Kafka answers a commit before its markers have reached the partitions: until then what was committed here is not readable, but known to be there.
      return fetched.map((batch) => {
        const written = this.#written.get(`${batch.topic} ${batch.partition}`) ?? 0n;
        return written > batch.end ? { ...batch, end: written } : batch;
      });
    });
  }

  async committed(group: string, tasks: readonly TaskId[], signal?: AbortSignal): Promise<readonly TaskCheckpoint[]> {
    return this.#call(async () => {
      // What this process is about to commit is under way.
      const seats = this.#seats.filter(({ spec }) => spec.group === group);
      await Promise.all(seats.map((seat) => seat.alone(() => Promise.resolve())));
      const checkpoints = seats.at(-1)?.checkpoints ?? new Checkpoints(this.#client, { group, tasks: [] });
      const noted = await checkpoints.read(tasks);
      for (const seat of seats) for (const { task, number } of noted) seat.noted(task, number);
      const stop = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
      return Promise.all(noted.map((checkpoint) => this.#restored(group, checkpoint, { checkpoints, signal: stop })));
    });
  }

  async commit(commit: Commit): Promise<CommitResult> {
    return this.#call(async () => {
      const seat = this.#seats.find((each) => each.speaksFor(commit));
      if (seat === undefined)
        return { kind: "fenced", reason: `nobody here belongs to ${commit.group} in generation ${commit.generation}` };
      const result = await seat.alone(async () => {
        const missed = await orAborted(this.#mustExist([...commit.tasks.flatMap(({ outputs }) => outputs), ...commit.watermarks]));
        if (missed !== undefined) return missed;
        return commitOnSeat(seat, commit, {
          client: this.#client,
          local: this.#options.local,
          events: this.#events,
          clock: this.#clock,
          compression: this.#options.compression ?? "none",
          onLocalWritten: () => this.#options.onCommitStep?.("local"),
          closing: this.#closing.signal,
        });
      });
      if (result.kind === "committed") {
        this.#trimmer.committed(commit.tasks.flatMap(({ next }) => next));
        for (const { topic, partition, offset } of result.written) this.#written.set(`${topic} ${partition}`, offset);
      }
      return result;
    });
  }

  /** Who owns each task of a group that this process belongs to, and where it answers queries, as of the last rebalance. */
  owners(group: string): ReadonlyMap<TaskId, Owner> {
    return this.#seats.findLast(({ spec }) => spec.group === group)?.member.owners() ?? new Map<TaskId, Owner>();
  }

  /** Behind the last record that each partition holds by now, also where the transaction that wrote it is still to end (the high watermark). */
  ends(partitions: readonly Omit<Position, "offset">[]): Promise<readonly Position[]> {
    return this.#call(() => listOffsets(this.#client, partitions, { at: { kind: "high-watermark" } }));
  }

  /** The id that Kafka gave a topic when it was made, as its tools write it: one that is made anew has another. @throws {BrokerError} `BROKER_UNKNOWN_TOPIC` */
  topicId(name: string): Promise<string> {
    return this.#call(async () => {
      const found = await this.#client.topic(name, true);
      if (found === undefined) throw new BrokerError("BROKER_UNKNOWN_TOPIC", "the topic does not exist", { at: name });
      return Buffer.from(found.id.replaceAll("-", ""), "hex").toString("base64url");
    });
  }

  /** Trims internal topics behind what was committed here, which also happens by itself. */
  async trim(): Promise<void> {
    await this.#call(() => this.#trimmer.trim());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#appending);
    await this.#producer.close();
    this.#closing.abort();
    await this.#fetcher.close();
    await Promise.all(this.#seats.slice().map((seat) => this.#dismiss(seat)));
    await Promise.allSettled(this.#under);
    await Promise.all([this.#trimmer.close(), this.#restorer.close(), this.#appends.close(), this.#client.close()]);
  }

  get #topicDefaults(): TopicDefaults {
    return this.#options.topics ?? { replication: -1 };
  }

  async #call<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closed();
    const under = run();
    this.#under.add(under);
    try {
      return await under;
    } catch (error) {
      throw this.#closing.signal.aborted ? closed() : asBrokerError(error);
    } finally {
      this.#under.delete(under);
    }
  }

  /** @throws {BrokerError} `BROKER_UNKNOWN_TOPIC` */
  async #mustExist(batches: readonly RecordBatch[]): Promise<void> {
    for (const { topic, partition } of batches) {
      const known = this.#client.known(topic) ?? (await this.#client.topic(topic));
      if (known?.partitions[partition] === undefined)
        throw new BrokerError("BROKER_UNKNOWN_TOPIC", known === undefined ? "the topic does not exist" : "the partition does not exist", {
          at: `${topic}[${partition}]`,
        });
    }
  }

  async #restored(
    group: string,
    noted: NotedCheckpoint,
    { checkpoints, signal }: { readonly checkpoints: Checkpoints; readonly signal: AbortSignal },
  ): Promise<TaskCheckpoint> {
    const { task, number, changelogNumber, changelog: id, meta, next } = noted;
    const { local } = this.#options;
    const changelog = changelogOf(group, task);
    try {
      if (number === 0n) await this.#restorer.begin({ task, ...changelog }, signal);
      if (changelogNumber === 0n) {
        if (local.read(task) !== undefined) local.forget(task);
        return { task, number, next, meta: meta ?? new Uint8Array(0) };
      }
      const here = await this.#restorer.restore({ task, number: changelogNumber, id, ...changelog }, signal);
      return { task, number, next, meta: meta ?? here.meta };
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== "BROKER_CORRUPT") throw error;
      // Offsets and changelog do not fit: unless somebody who owns the task by now has committed between one and the other.
      const [now] = await checkpoints.read([task]);
      if (now!.number === number) throw error;
      return this.#restored(group, now!, { checkpoints, signal });
    }
  }

  async #leave(seat: Seat): Promise<void> {
    if (!this.#seats.includes(seat)) return;
    if (this.#options.keepMembership !== true) await seat.member.leave();
    await this.#dismiss(seat);
  }

  /** Another member of this process took its name: Kafka would tell it with its next heartbeat. */
  async #replaced(seat: Seat): Promise<void> {
    const owned = [...seat.member.ownedTasks];
    await this.#dismiss(seat);
    // A commit of it that the new one fenced may have ended it already: nothing is called behind that.
    if (seat.ended === undefined) await seat.hooks.lost(owned).catch(() => undefined);
    seat.end(`another member joined the group as ${seat.spec.member}`);
  }

  async #dismiss(seat: Seat): Promise<void> {
    const at = this.#seats.indexOf(seat);
    if (at >= 0) this.#seats.splice(at, 1);
    await seat.member.close();
    // Not behind the commit under way: it ends for certain only when the transactions are told to.
    await seat.transactions.close();
    await seat.alone(() => Promise.resolve());
    await seat.client.close();
  }
}

const closed = (): BrokerError => new BrokerError("BROKER_CLOSED", "the connection to Kafka is closed");

function changelogsOf({ group, tasks }: GroupSpec): { name: string; partitions: number }[] {
  const partitions = new Map<string, number>();
  for (const { task } of tasks) {
    const { topic, partition } = changelogOf(group, task);
    partitions.set(topic, Math.max(partitions.get(topic) ?? 0, partition + 1));
  }
  return [...partitions].map(([name, count]) => ({ name, partitions: count }));
}

/** How far the copies that are here are behind their changelogs, in offsets. */
async function heldState(client: KafkaClient, { group, tasks }: GroupSpec, local: LocalCopy): Promise<ReadonlyMap<TaskId, number>> {
  const wanted = new Set(tasks.map(({ task }) => task));
  const held = local.tasks().flatMap((task) => {
    const next = wanted.has(task) ? local.read(task)?.next : undefined;
    return next === undefined ? [] : [{ task, next, ...changelogOf(group, task) }];
  });
  if (held.length === 0) return new Map();
  const ends = await listOffsets(client, held, { at: { kind: "stable-end" }, forMs: 2000 });
  return new Map(held.map(({ task, next }, i) => [task, Math.max(0, Number(ends[i]!.offset - next))]));
}
