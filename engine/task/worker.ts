import { setImmediate as nextTurn } from "node:timers/promises";
import { BrokerError } from "#broker/broker-error.ts";
import {
  type CommitResult,
  type GroupSpec,
  type Membership,
  type Position,
  type TaskCheckpoint,
  type TaskCommit,
  type TaskId,
} from "#broker/broker.ts";
import { Alarm } from "./alarm.ts";
import { CommitPause } from "./commit-pause.ts";
import { type CommitWatcher, CommitWatches } from "./commit-watch.ts";
import type { Asked, StoreAccess } from "./committed-reads.ts";
import { elapsed } from "./elapsed.ts";
import { backoff } from "./failure.ts";
import { MarkTeller } from "./marks.ts";
import { Openings, openTask } from "./openings.ts";
import { groupSpecOf } from "./group-spec.ts";
import { OwnedTasks } from "./owned-tasks.ts";
import { Questions } from "./questions.ts";
import { recover } from "./recovery.ts";
import { Requests } from "./requests.ts";
import type { Task } from "./task.ts";
import { WorkerError } from "./worker-error.ts";
import { workerDefaults, type WorkerOptions } from "./worker-options.ts";
import { snapshotOf, type WorkerSnapshot } from "./worker-snapshot.ts";

const fetchBytes = 4 << 20;
const fetchBytesPerPartition = 512 << 10;
const pauseMs = 100;
/** After a fetch of fewer records than this, the next one waits until so much time has passed. */
const smallFetch = 200;
const fetchPaceMs = 4;
/** After so long the thread's other work has its turn. */
const biteMs = 2;
/** So long a commit waits for what the last one wrote to be read, and no longer: the log may be away. */
const unreadMs = 100;
/** Entries folded behind each commit for each entry in it; above one, so that a tail shrinks while nothing but updates come. */
const foldPerEntry = 1.5;

/**
 * Runs the tasks it is assigned: fetch, process in slices, commit all of them at once. Single-threaded; a turn of its loop never waits but for the log.
 * Tasks whose state has to be brought back are opened one by one, while the others run. `start` settles once the first tasks are assigned and
 * open, `stop` once everything taken is committed.
 */
export class Worker {
  private readonly options: Required<WorkerOptions>;
  private readonly spec: GroupSpec;
  private readonly owned: OwnedTasks;
  private readonly openings: Openings;
  /** What ends the worker at its next turn. */
  private failure: unknown;
  private readonly marks: MarkTeller;
  private readonly questions: Questions;
  private readonly requests = new Requests();
  private readonly watches = new CommitWatches();
  private readonly alarm = new Alarm();
  private membership: Membership | undefined;
  private generation = -1;
  private dirtySince: number | undefined;
  /** The commit under way; never rejects. */
  private committing: Promise<void> | undefined;
  private readonly commitPause = new CommitPause();
  private failedFetches = 0;
  private loop: Promise<void> | undefined;
  private looping = false;
  /** What the log asked before the loop began. */
  private early: Promise<void> = Promise.resolve();
  private stopping = false;
  private lastFetch = { atMs: 0, count: 0 };
  /** The last commit wrote what tasks here read, and none has read it yet: it is to be in the next one. */
  private unread = false;
  /** Whose turn it is among the tasks that run. */
  private nextTask = 0;

  constructor(options: WorkerOptions) {
    this.options = { ...workerDefaults, ...options };
    this.spec = groupSpecOf(options.plan, options.member);
    this.marks = new MarkTeller(options.plan.subTopologies, { idleMs: this.options.idleMs, paceMs: this.options.markMs });
    const { broker, retry, random } = this.options;
    this.owned = new OwnedTasks(retry.maxMs);
    this.openings = new Openings({
      broker,
      group: this.spec.group,
      retry,
      random,
      begin: (checkpoint, wanted) => this.between(async () => void (wanted() && this.begin(checkpoint))),
      failed: (error) => this.fail(error),
    });
    this.questions = new Questions(options.plan, this.owned, () => this.alarm.ring());
  }

  async start(): Promise<void> {
    const { broker, plan } = this.options;
    await broker.ensureTopics(plan.topics);
    const opened: Promise<void>[] = [];
    this.membership = await broker.join(this.spec, {
      assigned: (tasks, generation) => {
        // At once: what this worker keeps, it may commit before its next turn, and only under the new generation.
        this.generation = generation;
        return this.between(async () => void opened.push(...this.assign(tasks, generation)));
      },
      revoking: (tasks) => this.between(() => this.revoke(tasks)),
      lost: (tasks) => this.between(() => this.drop(tasks)),
      ended: (reason) => this.fail(new WorkerError("WORKER_FENCED", reason)),
    });
    this.looping = true;
    this.loop = this.run();
    await Promise.race([Promise.all(opened), this.loop]);
    if (this.failure !== undefined) await this.loop;
  }

  /** Settles when the loop has ended by `stop`; rejects with what broke it. */
  get ended(): Promise<void> {
    return this.loop ?? Promise.resolve();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.alarm.ring();
    await this.loop;
  }

  /** Runs `fn` on the committed state of this worker's tasks, once, at the next moment when no commit is under way and nothing is uncommitted. */
  read<T>(fn: (stores: StoreAccess) => T): Promise<T> {
    return this.questions.read(fn);
  }

  /**
   * Runs `fn` on the committed state as soon as that shows what lies at `positions`, whatever else is under way. `fn` changes nothing: where a commit
   * is given back it is run again, and only the last answer is told.
   */
  readAfter<T>(subTopology: string, positions: readonly Position[], fn: (stores: StoreAccess) => T): Asked<T> {
    return this.questions.readAfter(subTopology, positions, fn);
  }

  /** Tells `watcher` what the tasks of `subTopology` commit from now on, until the answer is called. */
  watch(subTopology: string, watcher: CommitWatcher): () => void {
    return this.watches.watch(subTopology, watcher, this.owned.all.values());
  }

  /** Settles when the tasks of `subTopology` show what lies at `positions`. */
  after(subTopology: string, positions: readonly Position[]): { readonly done: Promise<void>; cancel(): void } {
    return this.questions.after(subTopology, positions);
  }

  /** Tasks that stand still after an error that was no verdict on a record, with that error. */
  get stoppedTasks(): ReadonlyMap<TaskId, unknown> {
    return this.owned.stopped;
  }

  get ownedTasks(): ReadonlyMap<TaskId, Task> {
    return this.owned.all;
  }

  /** Assigned tasks whose state is being brought back. */
  get openingTasks(): readonly TaskId[] {
    return this.openings.tasks;
  }

  snapshot(): WorkerSnapshot {
    return snapshotOf(this.options.plan, [...this.owned.all.values()], { stopped: this.owned.stopped, nowMs: this.options.clock() });
  }

  private async run(): Promise<void> {
    try {
      await this.early;
      while (!this.stopping) {
        // oxlint-disable-next-line typescript/only-throw-error: it is thrown as it came
        if (this.failure !== undefined) throw this.failure;
        await this.turn();
      }
      await this.committing;
      await this.recoverFailed();
      await this.commitAll();
      this.questions.answer();
    } finally {
      this.looping = false;
      this.openings.dropAll();
      for (const id of this.owned.all.keys()) this.close(id);
      this.questions.end();
      this.requests.end();
      await this.membership?.leave();
    }
  }

  private async turn(): Promise<void> {
    if (this.requests.pending || this.questions.pendingAtRest || this.owned.failed().length > 0) await this.committing;
    await this.recoverFailed();
    await this.requests.serve();
    if (!this.stopping) await this.fetch();
    // Who asked along with the stop may have been answered by now: that is to be the last commit.
    if (this.stopping) return;
    const began = this.options.clock();
    const taken = await this.process();
    const now = this.options.clock();
    if (this.commitIsDue(now)) await this.startCommit();
    else if (taken > 0 || this.owned.dirty) this.dirtySince ??= began;
    if (this.committing !== undefined && this.owned.untaken >= this.options.commitRecords) await this.committing;
    this.questions.settle();
    this.answerQuestions();
  }

  /** Commits, and waits for it unless what is at hand can be done meanwhile. */
  private async startCommit(): Promise<void> {
    if (!this.options.pipeline || this.questions.pendingAtRest) return this.commitAll();
    this.committing = this.commitAll()
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.committing = undefined;
        // Who waits for what is committed now has waited long enough.
        this.alarm.ring();
      });
  }

  /** Readers see what is committed, and nothing else. */
  private answerQuestions(): void {
    if (this.questions.pending && this.committing === undefined && !this.owned.dirty) this.questions.answer();
  }

  private async fetch(): Promise<void> {
    const { broker, clock, bufferedRecords } = this.options;
    const now = clock();
    const positions: Position[] = [];
    let ready = false;
    let shortestWait = Infinity;
    for (const task of this.owned.runnable(now)) {
      if (task.mustFold) task.fold(10_000);
      for (const queue of task.queues) {
        if (queue.buffered < bufferedRecords)
          positions.push({ topic: queue.topic, partition: queue.partition, offset: queue.fetchPosition });
        // What it knew of the log is older than what the others are about to hear: it may neither be idle nor be passed by it.
        else queue.more = undefined;
        if (queue.buffered > 0) {
          const waits = task.waitMs(now);
          if (waits > 0) shortestWait = Math.min(shortestWait, waits);
          else ready = true;
        }
      }
    }
    // Records that come one by one are gathered: each fetch asks for all inputs, and nothing is seen before the commit anyway.
    const { lastFetch } = this;
    const sinceFetch = elapsed(lastFetch.atMs, now);
    if (!ready && lastFetch.count > 0 && lastFetch.count < smallFetch && sinceFetch < fetchPaceMs && !this.questions.pending) {
      await this.alarm.sleep(fetchPaceMs - sinceFetch);
    }
    const answerable = this.questions.pending && this.dirtySince === undefined && this.committing === undefined;
    const waitMs = ready || answerable || this.stopping ? 0 : Math.min(shortestWait, this.idleWaitMs(now));
    // What was written cannot be read before there is room for it.
    if (positions.length === 0) this.unread = false;
    if (positions.length === 0) return this.alarm.sleep(waitMs);
    const asked = broker.fetch(positions, { maxBytes: fetchBytes, maxBytesPerPartition: fetchBytesPerPartition, maxWaitMs: waitMs });
    const answer = asked.then(
      (batches) => ({ batches }),
      (error: unknown) => ({ error }),
    );
    const fetched = await Promise.race([answer, ...(waitMs > 0 ? [this.alarm.rung()] : [])]);
    this.alarm.off();
    if (fetched === undefined) return;
    if ("error" in fetched) return this.logAway(fetched.error);
    this.failedFetches = 0;
    this.unread = false;
    let count = 0;
    for (const batch of fetched.batches) {
      this.owned.reader(batch.topic, batch.partition)?.enqueue(batch);
      count += batch.count;
    }
    this.lastFetch = { atMs: now, count };
  }

  /** The log cannot be read now: what is at hand is done meanwhile. */
  private async logAway(error: unknown): Promise<void> {
    if (!(error instanceof BrokerError) || !error.retryable) throw error;
    this.failedFetches += 1;
    this.options.events.logAway({ error, failed: this.failedFetches });
    await this.alarm.sleep(backoff(this.failedFetches, this.options.retry, this.options.random));
  }

  /**
   * Takes at most what one commit shall hold; the next turn begins with the task behind the last one. Between bites the thread does what else waits:
   * what is appended to the log in between is answered within milliseconds, however much there is to do.
   */
  private async process(): Promise<number> {
    const { sliceRecords, commitRecords, clock } = this.options;
    const now = clock();
    let tasks = this.owned.runnable(now);
    // However few a commit shall hold, each task has its turn in it.
    const room = this.owned.failed().length > 0 ? 0 : Math.max(commitRecords, tasks.length) - this.owned.untaken;
    let taken = 0;
    let turnsAt = performance.now() + biteMs;
    for (let idle = 0; idle < tasks.length && taken < room;) {
      const task = tasks[this.nextTask++ % tasks.length]!;
      const count = task.process(Math.min(sliceRecords, room - taken), now);
      taken += count;
      if (task.failure !== undefined) break;
      idle = count > 0 ? 0 : idle + 1;
      if (performance.now() < turnsAt) continue;
      await nextTurn();
      // A commit that was under way may have taken some away.
      tasks = this.owned.runnable(now);
      turnsAt = performance.now() + biteMs;
    }
    for (const task of this.owned.runnable(now)) task.tick(now);
    return taken;
  }

  private commitIsDue(now: number): boolean {
    const { commitRecords, commitMs } = this.options;
    if (this.committing !== undefined || this.owned.failed().length > 0 || this.commitPause.left(now) > 0) return false;
    if (this.owned.untaken >= commitRecords) return true;
    const waited = this.dirtySince === undefined ? 0 : elapsed(this.dirtySince, now);
    if (this.unread && this.owned.dirty && waited < unreadMs) return false;
    if (this.dirtySince !== undefined) return waited >= commitMs;
    return this.owned.dirty ? commitMs === 0 : this.marks.gather(this.owned.all.values(), now, this.owned.stopped).changed.size > 0;
  }

  /** One commit for all tasks that have anything to commit or a mark to tell. */
  private async commitAll(): Promise<void> {
    const { broker, clock, events } = this.options;
    const now = clock();
    const commits = this.owned.live().flatMap((task) => (task.dirty ? this.takeCommit(task) : []));
    const marks = this.marks.gather(this.owned.all.values(), now, this.owned.stopped);
    const taken = new Set(commits.map(({ task }) => task));
    for (const id of marks.changed.keys()) if (!taken.has(id)) commits.push(this.owned.all.get(id)!.takeCommit());
    const tasks = commits.map(({ task }) => this.owned.all.get(task)!);
    this.dirtySince = undefined;
    if (tasks.length === 0) return;
    const records = tasks.reduce((sum, task) => sum + task.taken, 0);
    this.questions.commitTaken(tasks.map(({ id }) => id));
    let result: CommitResult;
    try {
      result = await broker.commit({ group: this.spec.group, generation: this.generation, tasks: commits, watermarks: marks.batches });
    } catch (error) {
      this.questions.givenBack();
      throw error;
    }
    if (result.kind !== "committed") return this.giveBack(tasks, result);
    this.commitPause.end();
    for (const { topic, partition, offset } of result.written) {
      const reader = this.owned.reader(topic, partition);
      reader?.writtenUpTo(offset);
      this.unread ||= reader !== undefined;
    }
    for (const task of tasks) for (const letter of task.committed()) events.deadLettered({ task: task.id, ...letter });
    this.marks.committed(marks);
    this.watches.committed(commits);
    this.questions.committed(result.written);
    events.committed({ tasks: tasks.length, records, ms: clock() - now });
    if (!this.owned.dirty) this.questions.answer();
    for (const task of tasks) if (task.failure === undefined) task.fold(Math.ceil(task.takenEntries * foldPerEntry) + 16);
  }

  /** A task that cannot say what it did, e.g. since a value cannot be encoded, stops and is left out. */
  private takeCommit(task: Task): TaskCommit[] {
    try {
      return [task.takeCommit()];
    } catch (error) {
      this.stopTask(task, { at: `the commit of ${task.id}`, error });
      return [];
    }
  }

  private giveBack(tasks: readonly Task[], result: Exclude<CommitResult, { kind: "committed" }>): void {
    const { events, retry, random, clock } = this.options;
    this.questions.givenBack();
    events.commitFailed({ kind: result.kind, reason: result.reason, tasks: tasks.length });
    // What was done is done again from the last commit; the log keeps what was read. Fenced tasks begin anew from what is committed, by whomever.
    if (result.kind === "fenced") for (const { id } of tasks) this.reopen(id);
    else for (const task of tasks) task.rewind(0);
    this.commitPause.begin(clock(), retry, random);
  }

  private async recoverFailed(): Promise<void> {
    const failed = this.owned.failed();
    const now = this.options.clock();
    for (const task of failed) this.recover(task, now);
    if (failed.length > 0 && this.commitIsDue(now)) await this.commitAll();
  }

  private recover(task: Task, now: number): void {
    const { events, retry, random } = this.options;
    const { error, at } = task.failure!;
    // Commits of what went well before the record do not begin its attempts anew.
    const attempt = this.owned.attemptsAt(task.id, at);
    const outcome = recover(task, attempt, { policy: retry, random });
    if (outcome.kind === "retry") {
      this.owned.pause(task.id, { at, attempt: attempt + 1, untilMs: now + outcome.afterMs });
      events.retrying({ task: task.id, at, attempt, afterMs: outcome.afterMs, error });
    } else if (outcome.kind === "stopped") this.stopTask(task, { at, error: outcome.cause });
    // In a commit of its own: the next one that fails does nothing again but what came behind this.
    else this.dirtySince = -Infinity;
  }

  private stopTask(task: Task, { at, error }: { at: string; error: unknown }): void {
    this.owned.stop(task.id, error);
    // Its uncommitted work is gone for good; what it had committed can still be read.
    task.rewind(0);
    this.options.events.taskStopped({ task: task.id, at, error });
  }

  // Membership. What the log asks is done between two turns of the loop.

  private between(run: () => Promise<void>): Promise<void> {
    if (this.looping) {
      this.alarm.ring();
      return this.requests.ask(run);
    }
    // One behind the other, and the loop behind them: a commit of one may be under way.
    const done = this.early.then(run);
    this.early = done.catch(() => undefined);
    return done;
  }

  private assign(tasks: readonly TaskId[], generation: number): Promise<void>[] {
    const { openings, options } = this;
    for (const task of [...this.owned.all.keys(), ...openings.tasks]) if (!tasks.includes(task)) this.close(task);
    options.events.assigned({ tasks, generation });
    return tasks.filter((task) => !this.owned.all.has(task) && !openings.has(task)).map((task) => openings.open(task));
  }

  private begin(checkpoint: TaskCheckpoint): void {
    const task = openTask(checkpoint, this.options);
    this.owned.add(task);
    this.watches.opened(task);
  }

  private reopen(id: TaskId): void {
    this.close(id);
    void this.openings.open(id);
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.alarm.ring();
  }

  private async revoke(tasks: readonly TaskId[]): Promise<void> {
    await this.commitAll();
    for (const task of tasks) this.close(task);
  }

  private async drop(tasks: readonly TaskId[]): Promise<void> {
    for (const task of tasks) this.close(task);
  }

  private close(id: TaskId): void {
    this.openings.drop(id);
    if (this.owned.remove(id)) this.watches.closed(id);
    this.marks.forget(id);
  }

  private idleWaitMs(now: number): number {
    let until = now + pauseMs;
    if (this.dirtySince !== undefined && this.committing === undefined)
      until = Math.min(until, Math.max(now + this.commitPause.left(now), this.dirtySince + this.options.commitMs));
    for (const task of this.owned.live()) {
      const paused = this.owned.pausedUntil(task.id);
      until = Math.min(until, paused > now ? paused : task.nextTimer);
    }
    return Math.max(0, until - now);
  }
}
