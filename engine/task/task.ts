import { earliest, splitTaskId, type Position, type TaskCheckpoint, type TaskCommit, type TaskId } from "#broker/broker.ts";
import { type BatchIndex, headerBytesOf, keyTextOf, valueOf } from "#broker/record-batch.ts";
import type { Cell, Timer } from "#operators/context.ts";
import { RecordError } from "#operators/record-error.ts";
import type { StateStorage, TaskState } from "#state/task-state.ts";
import { type DeadLetter, encodeDeadLetterHeaders } from "./dead-letter.ts";
import { takenOutName } from "./node-counts.ts";
import { type DeadLettered, DeadLetterTally } from "./dead-letter-tally.ts";
import { decodeValue } from "./decode-value.ts";
import { InputQueue } from "./input-queue.ts";
import { InputReadiness, nextInput } from "./input-choice.ts";
import { Journal, type TakenOut } from "./journal.ts";
import type { NodeHost } from "./node-runtime.ts";
import { Outputs } from "./outputs.ts";
import { buildPipeline, pushesFor, storeIdOf, type Push } from "./pipeline.ts";
import { deadLetterTopicOf, feedsRepartition, type SubTopologyPlan } from "./plan.ts";
import { type Redrive, redriveOf } from "./redrive.ts";
import { cellName, TaskMeta } from "./task-meta.ts";
import { TaskRecord } from "./task-record.ts";
import { Timers } from "./timers.ts";
import { hashOf } from "./topic-hash.ts";
import { decodeMarks, Watermark, type Mark, type Upstream } from "./watermark.ts";

export type TaskSetup = {
  readonly plan: SubTopologyPlan;
  readonly checkpoint: TaskCheckpoint;
  readonly upstream: Upstream;
  readonly storage: StateStorage;
  /** In whose name it reads: what is redriven for others is not for it. */
  readonly group: string;
  /** How long to wait for an input that is known to be empty; −1 never waits for any, 0 waits for those known to lag (KIP-695). */
  readonly maxIdleMs: number;
  readonly nowMs: number;
};

/** What went wrong, and how many journal entries had gone well before it since the last commit. */
export type TaskFailure = {
  readonly error: unknown;
  readonly step: number;
  readonly at: string;
  readonly node: string;
  readonly byRecord: boolean;
};

/**
 * One sub-topology on one partition, synchronous throughout. What it does since its last commit waits in itself: positions in its queues, changes in
 * its state, outputs encoded; `takeCommit` gathers them, `committed` makes them the new ground, `rewind` forgets them.
 */
export class Task implements NodeHost {
  readonly id: TaskId;
  readonly partition: number;
  readonly queues: readonly InputQueue[];
  readonly record = new TaskRecord();
  failure: TaskFailure | undefined;
  redrive: Redrive | undefined;
  cause = 0;
  apart = false;
  /** Records taken since the last durable commit. */
  taken = 0;
  /** What the commit under way holds. */
  private sealed = { taken: 0, steps: 0, letters: noLetters };
  private readonly deadLetters = new DeadLetterTally();
  /** Entries of state in the commit that was taken last. */
  takenEntries = 0;
  private readonly setup: TaskSetup;
  private readonly readiness: InputReadiness;
  private readonly outputs = new Outputs();
  private readonly journal = new Journal();
  private number: bigint;
  private committedMeta: Uint8Array;
  private takenMeta: Uint8Array;
  private state!: TaskState;
  private timers!: Timers;
  private pushes!: readonly (readonly Push[])[];
  private watermarkMoved!: (() => void)[];
  /** How old what nodes in front of a repartition may still emit of their own accord can be. */
  private holds!: (() => number)[];
  private taskMeta!: TaskMeta;
  private streamTimeCell!: Cell;
  private marks!: Watermark;
  private nowMs: number;
  private newTimer = false;
  private opening = false;
  /** Input whose head record is being processed; −1 outside of records. */
  private current = -1;
  /** The current record has left by the dead letters. */
  private lettered = false;
  /** What is being processed outside of records: a timer, a mark of time. */
  private otherCause = "start";

  constructor(setup: TaskSetup) {
    this.setup = setup;
    this.id = setup.checkpoint.task;
    this.partition = splitTaskId(this.id).partition;
    this.number = setup.checkpoint.number;
    this.committedMeta = setup.checkpoint.meta;
    this.takenMeta = this.committedMeta;
    this.nowMs = setup.nowMs;
    this.readiness = new InputReadiness(setup.maxIdleMs);
    const next = new Map(setup.checkpoint.next.map((position) => [position.topic, position.offset]));
    this.queues = setup.plan.sources.map(({ topic }) => new InputQueue(topic, this.partition, next.get(topic) ?? earliest));
    this.open();
  }

  get plan(): SubTopologyPlan {
    return this.setup.plan;
  }

  get meta(): TaskMeta {
    return this.taskMeta;
  }

  get watermark(): number {
    return this.marks.value;
  }

  /** Greatest timestamp that the task has read; −1 before the first. */
  get streamTime(): number {
    return this.streamTimeCell.value;
  }

  /** The time by which a node's windows close: the smaller of its own stream time and the watermark, −1 when it has none. */
  closingTimeOf(node: string): number {
    return Math.min(this.taskMeta.read(cellName(node, "stream-time")) ?? -1, this.marks.value);
  }

  /** What the task tells those it writes to: its stream time, or its own watermark if smaller. */
  get reached(): number {
    return Math.min(this.streamTimeCell.value, this.marks.value);
  }

  /** Anything to commit: input taken, timers fired, the grid of a timer that is new. */
  get dirty(): boolean {
    return (this.journal.length > this.sealed.steps || this.newTimer) && this.placed;
  }

  /** The log has said where each input begins: before that there is no position to commit. */
  get placed(): boolean {
    return this.queues.every(({ committedPosition }) => committedPosition !== earliest);
  }

  /** No record at hand, and none in the log when it was last asked. */
  get caughtUp(): boolean {
    return this.queues.every((queue) => queue.buffered === 0 && queue.more === false);
  }

  /** Records that are in no commit yet, not in the one under way either. */
  get untaken(): number {
    return this.taken - this.sealed.taken;
  }

  get commitNumber(): bigint {
    return this.number;
  }

  /** Entries that wait to be folded put a bound on reading. */
  get mustFold(): boolean {
    return this.state.mustFold;
  }

  get stores(): TaskState {
    return this.state;
  }

  /** When the next wall-clock timer is due. */
  get nextTimer(): number {
    return this.timers.next("wall-clock");
  }

  /** Takes up to `most` records in the order of their times; stops at a failure. Answers how many entries it took, marks of time included. */
  process(most: number, nowMs: number): number {
    let count = 0;
    while (count < most && this.failure === undefined) {
      const input = nextInput(this.queues);
      if (input < 0) break;
      if (this.queues[input]!.head!.kind === "records" && !this.readiness.ready(this.queues, nowMs)) break;
      if (count === 0) this.setNow(nowMs);
      this.journal.took(input);
      this.take(input);
      count += 1;
    }
    return count;
  }

  /** How long what is at hand waits for an input that is empty. */
  waitMs(nowMs: number): number {
    return this.readiness.waitMs(this.queues, nowMs);
  }

  /** Fires the wall-clock timers that are due. */
  tick(nowMs: number): void {
    if (this.failure !== undefined || this.timers.next("wall-clock") > nowMs || !this.placed) return;
    this.setNow(nowMs);
    this.journal.ticked();
    this.fireTimers("wall-clock", nowMs);
  }

  /** What was done since the last commit; what is done from now on is in the next one, and stands or falls with this one. */
  takeCommit(): TaskCommit {
    this.takenEntries = this.state.dirtyCount;
    const commit = {
      task: this.id,
      number: this.number + 1n,
      next: this.positions(),
      meta: (this.takenMeta = this.taskMeta.encode()),
      changes: this.state.takeChanges(),
      outputs: this.outputs.take(),
    };
    for (const queue of this.queues) queue.seal();
    this.sealed = { taken: this.taken, steps: this.journal.length, letters: this.deadLetters.take() };
    this.newTimer = false;
    return commit;
  }

  /** The taken commit is durable. Answers what left by the dead letters in it. */
  committed(): readonly DeadLettered[] {
    const { taken, steps, letters } = this.sealed;
    this.sealed = { taken: 0, steps: 0, letters: noLetters };
    this.number += 1n;
    this.committedMeta = this.takenMeta;
    this.state.committed(this.number);
    for (const queue of this.queues) queue.committed();
    this.journal.drop(steps);
    if (this.failure !== undefined) this.failure = { ...this.failure, step: this.failure.step - steps };
    this.taken -= taken;
    return letters;
  }

  fold(entries: number): number {
    return this.state.fold(entries);
  }

  positions(): Position[] {
    return this.queues.map(({ topic, partition, position }) => ({ topic, partition, offset: position }));
  }

  /**
   * Forgets everything since the last durable commit (none may be under way), and does it again up to, and without, journal entry `steps`: processing is
   * deterministic, so the second run equals the first. Answers false when that run failed as well, which is then `failure`.
   */
  rewind(steps: number): boolean {
    this.state.close();
    this.outputs.drop();
    this.deadLetters.take();
    this.sealed = { taken: 0, steps: 0, letters: noLetters };
    this.failure = undefined;
    this.apart = false;
    this.taken = 0;
    for (const queue of this.queues) queue.rewind();
    const again = this.journal.restart(steps);
    this.open();
    for (const entry of again) {
      if (entry.kind === "clock") this.setNow(entry.nowMs);
      else if (entry.kind === "tick") {
        this.journal.ticked();
        this.fireTimers("wall-clock", this.nowMs);
      } else {
        if (entry.kind === "took-out") {
          this.journal.tookOut(entry.input, entry.why);
          this.takeOut(entry.input, entry.why);
        } else {
          this.journal.took(entry.input);
          this.take(entry.input);
        }
      }
      if (this.failure !== undefined) return false;
    }
    return true;
  }

  /** Takes the next record without processing it: it leaves by the dead letters. */
  takeOutNext(why: TakenOut): void {
    const input = nextInput(this.queues);
    this.journal.tookOut(input, why);
    this.takeOut(input, why);
  }

  close(): void {
    this.state.close();
  }

  /** The mark of this task: how far it has come, less what its windows hold back. When it is idle, how far those have come who may yet give it something; null when they are idle too. */
  markWhen(idle: boolean): Mark {
    if (!idle) return this.holds.reduce((least, oldest) => Math.max(-1, Math.min(least, oldest())), this.reached);
    const { upstream } = this.marks;
    return upstream === Infinity ? null : upstream;
  }

  // What nodes ask of their task.

  now(): number {
    return this.nowMs;
  }

  causeId(): string {
    if (this.current < 0) return `${this.partition}.${this.otherCause}`;
    const { topic, partition } = this.queues[this.current]!;
    return `${hashOf(topic)}.${partition}.${this.currentOffset().toString(36)}`;
  }

  get byRecord(): boolean {
    return this.current >= 0 && !this.apart;
  }

  deadLetter(node: string, reason: string, detail: string | undefined): void {
    this.setAside({ node, reason, detail, extent: "node" });
  }

  private setAside({ node, reason, detail, extent }: Pick<DeadLetter, "node" | "reason" | "detail" | "extent">): void {
    if (this.current < 0) throw new Error(`node ${node} dead-letters outside of a record (${reason})`);
    const queue = this.queues[this.current]!;
    const { index } = queue.head!;
    const at = queue.headRecord;
    const headers = headerBytesOf(index, at);
    const source = this.whereNow();
    this.lettered = true;
    this.deadLetters.note({ node, reason, at: source, headers });
    this.outputs.of(deadLetterTopicOf(queue.topic)).append(this.partition, {
      timestamp: index.timestamps[at]!,
      sequence: index.sequences[at]!,
      key: keyTextOf(index, at),
      value: valueOf(index, at),
      headers: encodeDeadLetterHeaders(headers, { reason, node, source, group: this.setup.group, extent, detail }),
    });
  }

  schedule(
    node: string,
    timer: { readonly id: string; readonly kind: "stream-time" | "wall-clock"; readonly intervalMs: number },
    fire: (time: number) => void,
  ): Timer {
    const name = cellName(node, `timer/${timer.id}`);
    // The grid begins when the task was first opened, and is kept from then on.
    this.newTimer ||= timer.kind === "wall-clock" && !this.taskMeta.has(name);
    const first = timer.kind === "stream-time" ? 0 : (this.opening ? this.setup.nowMs : this.nowMs) + timer.intervalMs;
    const due = this.taskMeta.cell(name, first);
    if (due.value === Infinity && !this.opening) due.value = first;
    return this.timers.add({ kind: timer.kind, intervalMs: timer.intervalMs, due, fire });
  }

  onWatermark(moved: () => void): void {
    this.watermarkMoved.push(moved);
  }

  holdTime(node: string, oldest: () => number): void {
    if (feedsRepartition(this.setup.plan, node)) this.holds.push(oldest);
  }

  fail(error: unknown, node: string = this.sourceNode()): void {
    this.failure ??= { error, step: this.journal.lastStep, at: this.whereNow(), node, byRecord: this.byRecord };
  }

  private open(): void {
    const { plan, storage, upstream } = this.setup;
    this.taskMeta = new TaskMeta(this.committedMeta, new Set(plan.nodes.map(({ id }) => id)));
    this.streamTimeCell = this.taskMeta.cell("stream-time", -1);
    this.marks = new Watermark(upstream, this.taskMeta);
    this.timers = new Timers();
    this.watermarkMoved = [];
    this.holds = [];
    const specs = plan.nodes.flatMap(({ id, processor }) =>
      Object.entries(processor.stores).map(([name, spec]) => [storeIdOf(id, name), spec] as const),
    );
    this.state = storage.open(this.id, Object.fromEntries(specs));
    this.opening = true;
    this.pushes = buildPipeline(plan, { host: this, state: this.state, outputs: this.outputs });
    this.opening = false;
  }

  private setNow(nowMs: number): void {
    if (nowMs === this.nowMs && this.journal.length > 0) return;
    this.nowMs = nowMs;
    this.journal.clock(nowMs);
  }

  private currentOffset(): bigint {
    const queue = this.queues[this.current]!;
    const { base, index } = queue.head!;
    return base + BigInt(index.numbers[queue.headRecord]!);
  }

  private take(input: number): void {
    const queue = this.queues[input]!;
    const { kind, index } = queue.head!;
    const at = queue.headRecord;
    if (kind === "watermarks") {
      const marks = decodeMarks(valueOf(index, at)!);
      queue.advance();
      this.takeMarks(queue.topic, marks);
      return;
    }
    const timestamp = index.timestamps[at]!;
    const redriven = redriveOf(index, at);
    this.redrive = redriven?.redrive;
    if (this.redrive !== undefined && this.redrive.group !== this.setup.group) return queue.advance();
    this.record.point(index, at);
    if (redriven !== undefined) this.record.headers = redriven.headers;
    this.cause += 1;
    this.taken += 1;
    this.current = input;
    this.lettered = false;
    this.push(input, index, at);
    // What leaves by the dead letters moves no time: the others' answers are as if it had never been there.
    if (!this.lettered && timestamp > this.streamTimeCell.value) this.streamTimeCell.value = timestamp;
    if (this.failure === undefined) this.fireTimers("stream-time", this.reached);
    this.current = -1;
    queue.advance();
  }

  private push(input: number, index: BatchIndex, at: number): void {
    const { timestamp } = this.record;
    if (!(timestamp >= 0 && timestamp <= Number.MAX_SAFE_INTEGER))
      return this.takeOutCurrent({ node: this.sourceNode(), reason: "invalid-timestamp", detail: `timestamp ${timestamp}` });
    let value: unknown;
    try {
      value = decodeValue(this.setup.plan.sources[input]!, index, at);
    } catch (error) {
      // What can be seen before the pipeline is dead-lettered on the spot: no state was touched.
      if (error instanceof RecordError) this.takeOutCurrent({ node: this.sourceNode(), reason: error.reason, detail: error.message });
      else this.fail(error);
      return;
    }
    try {
      const pushes = pushesFor(this.redrive?.node, this.setup.plan.sources[input]!, this.pushes[input]!);
      for (const push of pushes) push(value);
    } catch (error) {
      this.fail(error);
    }
  }

  private takeOut(input: number, why: TakenOut): void {
    this.current = input;
    this.cause += 1;
    this.taken += 1;
    this.takeOutCurrent(why);
    this.current = -1;
    this.queues[input]!.advance();
  }

  private takeOutCurrent({ node, reason, detail }: TakenOut): void {
    const { topic } = this.queues[this.current]!;
    this.taskMeta.cell(`source/${topic}#dead-lettered`, 0).value += 1;
    if (node !== this.sourceNode()) this.taskMeta.cell(takenOutName(node, topic), 0).value += 1;
    this.setAside({ node, reason, detail, extent: "record" });
  }

  /** What stands for the node where a record is found out before it enters one. */
  private sourceNode(): string {
    return this.current < 0 ? "" : `source/${this.queues[this.current]!.topic}`;
  }

  private takeMarks(topic: string, marks: ReturnType<typeof decodeMarks>): void {
    if (!this.marks.take(topic, marks, this.streamTimeCell.value)) return;
    this.outsideOfRecords(`m${this.marks.value}`);
    try {
      for (const moved of this.watermarkMoved) moved();
    } catch (error) {
      this.fail(error);
    }
    this.fireTimers("stream-time", this.reached);
  }

  private fireTimers(kind: "stream-time" | "wall-clock", time: number): void {
    if (this.timers.next(kind) > time) return;
    const { current } = this;
    this.outsideOfRecords(`${kind === "stream-time" ? "t" : "w"}${time}`);
    try {
      this.timers.fire(kind, time);
    } catch (error) {
      this.fail(error);
    }
    this.current = current;
  }

  private outsideOfRecords(cause: string): void {
    this.record.clear();
    this.current = -1;
    this.cause += 1;
    this.otherCause = cause;
  }

  private whereNow(): string {
    if (this.current < 0) return `a timer of ${this.id}`;
    const { topic, partition } = this.queues[this.current]!;
    return `${topic}[${partition}]@${this.currentOffset()}`;
  }
}

const noLetters: readonly DeadLettered[] = [];
