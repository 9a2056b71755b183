import { BrokerError } from "#broker/broker-error.ts";
import { type Broker, earliest, type GroupSpec, type Membership, type Position, splitTaskId, taskId, type TaskId } from "#broker/broker.ts";
import { Alarm } from "#task/alarm.ts";
import { backoff, defaultRetry, type RetryPolicy } from "#task/failure.ts";
import { Requests } from "#task/requests.ts";
import { WorkerError } from "#task/worker-error.ts";
import { Breaker, type BreakerPolicy, type BreakerState, defaultBreaker } from "./breaker.ts";
import type { DeliveryEvents } from "./delivery-events.ts";
import { PartitionLane, type WantedRecord } from "./partition-lane.ts";
import type { Delivery, DeliveryResult, Sink } from "./sink.ts";

export type DelivererOptions = {
  /** Of the sink: what dead letters name, and part of the group's name. */
  readonly name: string;
  readonly group: string;
  readonly member: string;
  readonly sink: Sink;
  readonly source: { readonly topic: string; readonly partitions: number };
  readonly broker: Broker;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly events: DeliveryEvents;
  readonly retry?: RetryPolicy;
  readonly breaker?: BreakerPolicy;
  /** How long a call may take. */
  readonly callMs?: number;
  /** Least time between two commits. */
  readonly commitMs?: number;
  /** Records of a partition that are held at most; above it, that partition alone is fetched no further. */
  readonly held?: number;
  /** Stands in front of the records' ids, so that those of a topic that was made anew are others. */
  readonly origin?: string;
  /** Records that it says no to are passed over. It never throws: what is wrong with a record the sink says. */
  readonly wants?: (record: WantedRecord) => boolean;
  readonly random?: () => number;
};

/** How far a partition is; `records` are offsets up to the end of the log, `ms` how long ago the log took the oldest record at hand that is not settled. */
export type DeliveryLag = { readonly partition: number; readonly records: number; readonly ms: number };

/** What is seen of a sink at one moment. */
export type DeliverySnapshot = {
  readonly breaker: BreakerState;
  /** Of the partitions that are delivered from here. */
  readonly lags: readonly DeliveryLag[];
  /** Records that are held and neither delivered nor refused. */
  readonly unsettled: number;
};

const defaults = {
  retry: { ...defaultRetry, maxMs: 30_000 },
  breaker: defaultBreaker,
  callMs: 30_000,
  commitMs: 100,
  held: 2000,
  origin: "",
  wants: () => true,
  random: Math.random,
};
const fetchLimits = { maxBytes: 4 << 20, maxBytesPerPartition: 512 << 10, maxWaitMs: 500 };

/**
 * Brings the records of a topic to a sink, partition by partition: at least once, each key in order. A partition that is behind holds back no other;
 * positions are committed behind what is settled, with the dead letters before them.
 */
export class Deliverer {
  private readonly options: Required<DelivererOptions>;
  private readonly breaker: Breaker;
  private readonly lanes = new Map<TaskId, PartitionLane>();
  private readonly requests = new Requests();
  private readonly alarm = new Alarm();
  private membership: Membership | undefined;
  private generation = -1;
  private fetching: Promise<void> | undefined;
  private failedFetches = 0;
  private fetchAfterMs = 0;
  private lastCommitMs = -Infinity;
  private lastDeliveredMs = -Infinity;
  private abortedCommits = 0;
  private told: BreakerState = "closed";
  private failure: unknown;
  private loop: Promise<void> | undefined;
  private looping = false;
  private stopping = false;

  constructor(options: DelivererOptions) {
    this.options = { ...defaults, ...options };
    this.breaker = new Breaker({ policy: this.options.breaker, random: this.options.random });
  }

  /** Settles when it is a member of its group. @throws {BrokerError} */
  async start(): Promise<void> {
    const { broker } = this.options;
    this.membership = await broker.join(this.groupSpec(), {
      assigned: (tasks, generation) => {
        this.generation = generation;
        return this.between(() => this.assign(tasks));
      },
      revoking: (tasks) => this.between(() => this.giveBack(tasks)),
      lost: (tasks) => this.between(() => Promise.resolve(this.drop(tasks))),
      ended: (reason) => this.fail(new WorkerError("WORKER_FENCED", reason)),
    });
    this.looping = true;
    this.loop = this.run();
  }

  /** Settles when the loop has ended by `stop`; rejects with what broke it. */
  get ended(): Promise<void> {
    return this.loop ?? Promise.resolve();
  }

  get breakerState(): BreakerState {
    return this.breaker.state(this.options.clock());
  }

  snapshot(): DeliverySnapshot {
    const now = this.options.clock();
    const lanes = [...this.lanes.values()];
    return {
      breaker: this.breaker.state(now),
      lags: lanes.map((lane) => ({ partition: lane.partition, ...lane.lag(now) })).sort((a, b) => a.partition - b.partition),
      unsettled: lanes.reduce((sum, { lane }) => sum + lane.unsettled, 0),
    };
  }

  /** Begins nothing new, waits for the calls under way, commits what is settled, leaves. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.alarm.ring();
    await this.loop;
  }

  private async run(): Promise<void> {
    try {
      while (!this.stopping) {
        // oxlint-disable-next-line typescript/only-throw-error: it is thrown as it came
        if (this.failure !== undefined) throw this.failure;
        await this.turn();
      }
      await this.giveBack([...this.lanes.keys()]);
    } finally {
      this.looping = false;
      this.drop([...this.lanes.keys()]);
      this.requests.end();
      await this.membership?.leave();
    }
  }

  private async turn(): Promise<void> {
    const { clock, commitMs } = this.options;
    await this.requests.serve();
    const now = clock();
    this.fetching ??= this.fetch(now)?.finally(() => {
      this.fetching = undefined;
      this.alarm.ring();
    });
    this.pump(now);
    this.tellBreaker(now);
    if (this.anyDirty() && now - this.lastCommitMs >= commitMs) return this.commit([...this.lanes.values()]);
    if (!this.requests.pending && !this.stopping && this.failure === undefined) await this.alarm.sleep(this.sleepMs(now));
  }

  /** Every call that can be made now. */
  private pump(now: number): void {
    for (const lane of this.lanes.values()) {
      while (!lane.closing) {
        const allowed = this.breaker.allows(now);
        if (allowed === "nothing" || !this.call(lane, now, allowed === "probe")) break;
      }
    }
  }

  private call(lane: PartitionLane, now: number, probe: boolean): boolean {
    const call = lane.lane.take(now, probe ? 1 : undefined);
    if (call === undefined) return false;
    if (probe) this.breaker.probe();
    const under = this.settled(lane, call, { probe, now });
    lane.under.add(under);
    void under.finally(() => lane.under.delete(under));
    return true;
  }

  /** Never rejects. */
  private async settled(
    lane: PartitionLane,
    call: LaneCall,
    { probe, now }: { readonly probe: boolean; readonly now: number },
  ): Promise<void> {
    const outcome = await this.deliver(call.batch, lane.gone.signal);
    try {
      this.settle(lane, call, { ...outcome, probe, ms: this.options.clock() - now });
    } catch (error) {
      this.fail(error);
    }
    this.alarm.ring();
  }

  /** Never rejects. What a sink throws, or does not answer in time, stands for trying all of it again. */
  private async deliver(batch: readonly Delivery[], gone: AbortSignal): Promise<Outcome> {
    const { callMs, sink } = this.options;
    const over = new AbortController();
    const takenAway = (): void => over.abort(gone.reason);
    gone.addEventListener("abort", takenAway, { once: true });
    const timer = setTimeout(() => over.abort(new Error(`no answer within ${callMs} ms`)), callMs);
    const ended = new Promise<never>((_, reject) => {
      over.signal.addEventListener("abort", () => reject(over.signal.reason as Error), { once: true });
    });
    try {
      return { results: await Promise.race([sink.deliver(batch, over.signal), ended]) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { error, results: batch.map(() => ({ kind: "retry", reason, unanswered: true })) };
    } finally {
      clearTimeout(timer);
      gone.removeEventListener("abort", takenAway);
    }
  }

  private settle(
    lane: PartitionLane,
    call: LaneCall,
    { results, error, probe, ms }: Outcome & { readonly probe: boolean; readonly ms: number },
  ): void {
    if (lane.gone.signal.aborted) {
      if (probe) this.breaker.forgetProbe();
      return;
    }
    const now = this.options.clock();
    const count = (kind: DeliveryResult["kind"]): number => results.filter((result) => result.kind === kind).length;
    const [delivered, retried, refused] = [count("delivered"), count("retry"), count("refused")];
    if (delivered + refused > 0) this.breaker.answered();
    else this.breaker.failedAt(now, { probe });
    if (delivered > 0) this.lastDeliveredMs = now;
    lane.refuse(lane.lane.settle(call, results, now));
    const why = results.find((result) => result.kind === "retry")?.reason;
    this.options.events.called({
      delivered,
      retried,
      refused,
      ms,
      ...(error === undefined ? {} : { error }),
      ...(why === undefined ? {} : { why }),
    });
  }

  private fetch(now: number): Promise<void> | undefined {
    if (now < this.fetchAfterMs) return undefined;
    const hungry = [...this.lanes.values()].filter(({ lane, closing }) => !closing && lane.unsettled < this.options.held);
    if (hungry.length === 0) return undefined;
    return this.fetchInto(hungry);
  }

  private async fetchInto(hungry: readonly PartitionLane[]): Promise<void> {
    const positions: Position[] = hungry.map(({ topic, partition, fetchNext }) => ({ topic, partition, offset: fetchNext }));
    try {
      const batches = await this.options.broker.fetch(positions, fetchLimits);
      this.failedFetches = 0;
      for (const batch of batches) {
        const lane = hungry.find(({ partition }) => partition === batch.partition)!;
        if (lane.gone.signal.aborted || lane.closing) continue;
        const skipped = lane.enqueue(batch);
        if (skipped > 0) this.options.events.skipped(skipped);
      }
    } catch (error) {
      if (error instanceof BrokerError && error.code === "BROKER_OFFSET_OUT_OF_RANGE" && (await this.passLost(hungry))) return;
      if (!(error instanceof BrokerError) || !error.retryable) return this.fail(error);
      this.failedFetches += 1;
      this.options.events.logAway({ error, failed: this.failedFetches });
      this.fetchAfterMs = this.options.clock() + backoff(this.failedFetches, this.options.retry, this.options.random);
    }
  }

  /** Goes on where the log begins now: a sink that stood still would lose all that comes as well. False when nothing is before that. Never rejects. [D14] */
  private async passLost(hungry: readonly PartitionLane[]): Promise<boolean> {
    const { broker, events } = this.options;
    const positions = hungry.map(({ topic, partition }): Position => ({ topic, partition, offset: earliest }));
    const starts = await broker.fetch(positions, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 }).catch(() => []);
    const behind = hungry.flatMap((lane) => {
      const logStart = starts.find(({ partition }) => partition === lane.partition)?.logStart;
      const isLost = logStart !== undefined && lane.fetchNext !== earliest && lane.fetchNext < logStart;
      return isLost && !lane.gone.signal.aborted ? [{ lane, logStart }] : [];
    });
    for (const { lane, logStart } of behind) {
      events.lost({ partition: lane.partition, from: lane.fetchNext, to: logStart });
      lane.passTo(logStart);
    }
    return behind.length > 0;
  }

  /** What is settled becomes durable. After an abort the same is tried again later; after fencing the hooks say what is owned now. */
  private async commit(of: readonly PartitionLane[]): Promise<void> {
    const { broker, clock, group, events, retry, random } = this.options;
    const lanes = of.filter(({ dirty }) => dirty);
    if (lanes.length === 0) return;
    const now = clock();
    const result = await broker.commit({
      group,
      generation: this.generation,
      tasks: lanes.map((lane) => lane.takeCommit()),
      watermarks: [],
    });
    if (result.kind === "committed") {
      this.lastCommitMs = now;
      this.abortedCommits = 0;
      const letters = lanes.reduce((sum, lane) => sum + lane.committed(), 0);
      return events.committed({ partitions: lanes.length, letters, ms: clock() - now });
    }
    events.commitFailed(result);
    this.abortedCommits += 1;
    this.lastCommitMs = now + backoff(this.abortedCommits, retry, random);
    if (result.kind === "fenced") await this.assign([...this.lanes.keys()], { anew: true });
  }

  private async assign(tasks: readonly TaskId[], { anew = false }: { readonly anew?: boolean } = {}): Promise<void> {
    const { broker, group, name, source, sink, retry, random, origin, wants } = this.options;
    this.drop([...this.lanes.keys()].filter((task) => anew || !tasks.includes(task)));
    const missing = tasks.filter((task) => !this.lanes.has(task));
    for (const checkpoint of missing.length === 0 ? [] : await broker.committed(group, missing)) {
      const { partition } = splitTaskId(checkpoint.task);
      const lane = { limits: sink.limits, retry, random, lastDeliveredMs: () => this.lastDeliveredMs };
      const place = { sink: name, group, topic: source.topic, partition };
      this.lanes.set(checkpoint.task, new PartitionLane(checkpoint, { ...place, lane, origin, wants }));
    }
  }

  /** In good order: calls under way end first, since what they did would be done again by whoever comes next. */
  private async giveBack(tasks: readonly TaskId[]): Promise<void> {
    const lanes = tasks.flatMap((task) => this.lanes.get(task) ?? []);
    for (const lane of lanes) lane.closing = true;
    await Promise.all(lanes.flatMap(({ under }) => [...under]));
    await this.commit(lanes);
    this.drop(tasks);
  }

  private drop(tasks: readonly TaskId[]): void {
    for (const task of tasks) {
      this.lanes.get(task)?.gone.abort(new Error("the partition was taken away"));
      this.lanes.delete(task);
    }
  }

  private tellBreaker(now: number): void {
    const state = this.breaker.state(now);
    if (state === this.told) return;
    this.told = state;
    this.options.events.breaker(state);
  }

  private sleepMs(now: number): number {
    let until = this.fetching === undefined ? Math.max(0, this.fetchAfterMs - now) : Infinity;
    if ([...this.lanes.values()].every(({ lane }) => lane.unsettled >= this.options.held)) until = Infinity;
    const closed = Math.max(0, this.breaker.nextAtMs - now);
    for (const { lane } of this.lanes.values()) {
      if (lane.callsUnder < this.options.sink.limits.calls) until = Math.min(until, Math.max(closed, lane.dueInMs(now)));
    }
    if (this.anyDirty()) until = Math.min(until, Math.max(0, this.lastCommitMs + this.options.commitMs - now));
    return Math.min(until, 1000);
  }

  private anyDirty(): boolean {
    return [...this.lanes.values()].some(({ dirty }) => dirty);
  }

  private between(run: () => Promise<void>): Promise<void> {
    if (!this.looping) return run();
    const asked = this.requests.ask(run);
    this.alarm.ring();
    return asked;
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.alarm.ring();
  }

  private groupSpec(): GroupSpec {
    const { name, group, member, source } = this.options;
    const tasks = Array.from({ length: source.partitions }, (_, partition) => ({
      task: taskId(name, partition),
      inputs: [{ topic: source.topic, partition }],
    }));
    return { group, member, tasks };
  }
}

type LaneCall = NonNullable<ReturnType<PartitionLane["lane"]["take"]>>;
type Outcome = { readonly results: readonly DeliveryResult[]; readonly error?: unknown };
