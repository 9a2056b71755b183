import { Observable, Subscriber } from "rxjs";
import { noHeaders } from "#broker/record-batch.ts";
import { withNodeContext, type Cell, type CurrentRecord, type EmitAs, type NodeContext, type Timer } from "#operators/context.ts";
import type { OpenStores } from "#operators/node.ts";
import { cellName, countName, type TaskMeta } from "./task-meta.ts";
import type { NodePlan } from "./plan.ts";
import type { Redrive } from "./redrive.ts";

/** What a node needs of the task it runs in. */
export interface NodeHost {
  readonly partition: number;
  readonly record: CurrentRecord;
  readonly meta: TaskMeta;
  readonly watermark: number;
  now(): number;
  /** Names the record or timer that is being processed, the same whenever it is processed again. */
  causeId(): string;
  /** Rises with every record and timer. */
  readonly cause: number;
  /** Whether a record caused what is being processed: only then can it leave by the dead letters. */
  readonly byRecord: boolean;
  /** What is being pushed has another cause than the current record. */
  apart: boolean;
  /** What the current record is redriven as. */
  readonly redrive: Redrive | undefined;
  deadLetter(node: string, reason: string, detail: string | undefined): void;
  schedule(
    node: string,
    timer: { readonly id: string; readonly kind: "stream-time" | "wall-clock"; readonly intervalMs: number },
    fire: (time: number) => void,
  ): Timer;
  onWatermark(moved: () => void): void;
  holdTime(node: string, oldest: () => number): void;
  fail(error: unknown, node: string): void;
}

type Delivery = { readonly push: (value: unknown) => void; readonly targets: number };

type Fate = "outside" | "open" | "dropped" | "dead-lettered";

/**
 * One node in one task: its pipeline, and the count of what became of each record that entered: emitted, folded, dropped by reason or dead-lettered,
 * exactly one of them [T8]. Outputs, and windows missed, are counted beside.
 */
export class NodeRuntime implements NodeContext {
  readonly node: string;
  private readonly host: NodeHost;
  private readonly meta: TaskMeta;
  private readonly entries = new Map<string, Subscriber<unknown>>();
  private readonly counts: {
    readonly in: Cell;
    readonly emitted: Cell;
    readonly folded: Cell;
    readonly deadLettered: Cell;
    readonly out: Cell;
  };
  private readonly dropped: Counters;
  private readonly missed: Counters;
  private fate: Fate = "outside";
  private folded = false;
  /** Outputs since the record entered that are not its own. */
  private outApart = 0;
  /** Pushes to a sink that took nothing, and why the last of them. */
  private lost = 0;
  private lostFor: string | undefined;
  /** The cause of the last dead letter. */
  private letterOf = -1;
  private serialOf = -1;
  private serial = 0;

  constructor(plan: NodePlan, host: NodeHost) {
    this.node = plan.id;
    this.host = host;
    this.meta = host.meta;
    const count = (name: string): Cell => host.meta.cell(countName(plan.id, name), 0);
    this.counts = {
      in: count("in"),
      emitted: count("emitted"),
      folded: count("folded"),
      deadLettered: count("dead-lettered"),
      out: count("out"),
    };
    this.dropped = new Counters((reason) => count(`dropped/${reason}`));
    this.missed = new Counters((reason) => count(`missed/${reason}`));
  }

  /** Builds the pipeline; `deliver` takes what leaves by each output, to so many targets. */
  build(plan: NodePlan, stores: OpenStores, deliver: (output: string) => Delivery): void {
    const { processor } = plan;
    const inputs: Record<string, Observable<unknown>> = {};
    for (const port of processor.inputs) {
      inputs[port] = new Observable((entry) => {
        if (this.entries.has(port)) throw new Error(`node ${this.node} subscribes to its input ${port} twice; use share() or one pipe`);
        this.entries.set(port, entry);
      });
    }
    withNodeContext(this, () => {
      const outputs = processor.build(inputs, stores, this);
      for (const name of processor.outputs) {
        const { push, targets } = deliver(name);
        const take = (value: unknown): void => {
          const { lost } = this;
          push(value);
          // What none of its sinks took has not left.
          if (this.lost === lost || this.lost - lost < targets) this.counts.out.value += 1;
        };
        outputs[name]!.subscribe(new Outlet(take, (error) => this.host.fail(error, this.node)));
      }
    });
  }

  /** What pushes values into an input. */
  port(name: string): (value: unknown) => void {
    let entry: Subscriber<unknown> | undefined;
    return (value) => {
      entry ??= this.entries.get(name);
      if (entry === undefined) throw new Error(`node ${this.node} reads nothing from its input ${name}`);
      this.take(entry, value);
    };
  }

  /** Pushes a value into an input and books what became of it. */
  private take(entry: Subscriber<unknown>, value: unknown): void {
    const { counts } = this;
    counts.in.value += 1;
    const before = counts.out.value;
    this.outApart = 0;
    this.fate = "open";
    this.folded = false;
    this.lostFor = undefined;
    entry.next(value);
    const { fate } = this;
    // `next` has changed it, which the checker cannot know.
    const lostFor = this.lostFor as string | undefined;
    this.fate = "outside";
    if (fate !== "open") return;
    if (counts.out.value - this.outApart > before) counts.emitted.value += 1;
    else if (this.folded) counts.folded.value += 1;
    else {
      this.dropped.of(lostFor ?? "filtered").value += 1;
      if (lostFor !== undefined) this.missed.of(lostFor).value -= 1;
    }
  }

  /** A sink does not take what it was pushed: counted beside, or as the record's fate where nothing else became of it. */
  lose(reason: string): void {
    this.lost += 1;
    this.lostFor = reason;
    this.miss(reason);
  }

  get partition(): number {
    return this.host.partition;
  }

  get record(): CurrentRecord {
    return this.host.record;
  }

  get redriven(): NodeContext["redriven"] {
    const { redrive, byRecord } = this.host;
    if (redrive === undefined || !byRecord) return undefined;
    return redrive.letIn && redrive.node === this.node ? "let-in" : "anew";
  }

  get watermark(): number {
    return this.host.watermark;
  }

  now(): number {
    return this.host.now();
  }

  id(): string {
    if (this.serialOf !== this.host.cause) {
      this.serialOf = this.host.cause;
      this.serial = 0;
    }
    return `${this.node}:${this.host.causeId()}:${this.serial++}`;
  }

  cell(name: string, initial: number): Cell {
    return this.meta.cell(cellName(this.node, name), initial);
  }

  emit<T>(to: Subscriber<T>, value: T, as: EmitAs): void {
    const { record } = this.host;
    const { key, timestamp, windowStart, windowEnd } = record;
    if (as.key !== undefined) record.key = as.key;
    if (as.timestamp !== undefined) record.timestamp = as.timestamp;
    if (as.windowStart !== undefined) record.windowStart = as.windowStart;
    if (as.windowEnd !== undefined) record.windowEnd = as.windowEnd;
    to.next(value);
    record.key = key;
    record.timestamp = timestamp;
    record.windowStart = windowStart;
    record.windowEnd = windowEnd;
  }

  emitApart<T>(to: Subscriber<T>, value: T, as: EmitAs): void {
    const { host } = this;
    const { record, apart } = host;
    const { sequence, headers } = record;
    const { out } = this.counts;
    const before = out.value;
    host.apart = true;
    record.sequence = 0;
    record.headers = noHeaders;
    this.emit(to, value, as);
    this.outApart += out.value - before;
    host.apart = apart;
    record.sequence = sequence;
    record.headers = headers;
  }

  drop(reason: string): void {
    if (this.fate === "outside") this.miss(reason);
    if (this.fate !== "open") return;
    this.fate = "dropped";
    this.dropped.of(reason).value += 1;
  }

  miss(reason: string): void {
    this.missed.of(reason).value += 1;
  }

  deadLetter(reason: string, detail?: string): void {
    const { host } = this;
    if (!host.byRecord) return this.drop(reason);
    if (this.fate !== "open") return;
    this.fate = "dead-lettered";
    this.counts.deadLettered.value += 1;
    // Of several values of one record that are refused here, the first speaks for it.
    if (this.letterOf === host.cause) return;
    this.letterOf = host.cause;
    host.deadLetter(this.node, reason, detail);
  }

  fold(): void {
    this.folded = true;
  }

  schedule(
    timer: { readonly id: string; readonly kind: "stream-time" | "wall-clock"; readonly intervalMs: number },
    fire: (time: number) => void,
  ): Timer {
    return this.host.schedule(this.node, timer, fire);
  }

  onWatermark(moved: () => void): void {
    this.host.onWatermark(moved);
  }

  holdTime(oldest: () => number): void {
    this.host.holdTime(this.node, oldest);
  }
}

/** The end of a pipeline. RxJS would report what is thrown behind it later, and go on. */
class Outlet extends Subscriber<unknown> {
  private readonly take: (value: unknown) => void;
  private readonly fail: (error: unknown) => void;

  constructor(take: (value: unknown) => void, fail: (error: unknown) => void) {
    super();
    this.take = take;
    this.fail = fail;
  }

  override next(value: unknown): void {
    if (this.isStopped) return;
    try {
      this.take(value);
    } catch (error) {
      this.fail(error);
    }
  }

  protected override _error(error: unknown): void {
    this.fail(error);
    this.unsubscribe();
  }
}

/** Cells by reason, made when a reason is first given: to name one for each record costs more than to count it. */
class Counters {
  private readonly open: (reason: string) => Cell;
  private readonly cells = new Map<string, Cell>();

  constructor(open: (reason: string) => Cell) {
    this.open = open;
  }

  of(reason: string): Cell {
    let cell = this.cells.get(reason);
    if (cell === undefined) this.cells.set(reason, (cell = this.open(reason)));
    return cell;
  }
}
