import type { Subscriber } from "rxjs";

/**
 * The record that is being pushed, one for the whole task: a node that emits with other metadata changes it for the time of that push.
 * `window*` are −1 outside windowed results; `sequence` is the gateway's stamp (0: none); `headers` are encoded as in `record-batch.ts`.
 */
export type CurrentRecord = {
  key: string | null;
  timestamp: number;
  sequence: number;
  headers: Uint8Array;
  windowStart: number;
  windowEnd: number;
};

/** What an output has that is not its record's own; what is left out is inherited. A timer's output must say key and timestamp. */
export type EmitAs = {
  readonly key?: string | null;
  readonly timestamp?: number;
  readonly windowStart?: number;
  readonly windowEnd?: number;
};

/** A number of a node that is part of the commit: stream time, marks, due times. */
export type Cell = { value: number };

export type Timer = { cancel(): void };

/** What a node may know of the world: no clock and no randomness but these, so that every run can be replayed exactly. */
export interface NodeContext {
  readonly node: string;
  readonly partition: number;
  readonly record: CurrentRecord;
  /**
   * Says that the current record was set aside once and has come back: `let-in` where this node had let it in before it refused it, so that it is not its
   * own duplicate; else `anew`.
   */
  readonly redriven: "let-in" | "anew" | undefined;
  /** The least time that upstream tasks have reached, ms; `Infinity` where nothing was repartitioned. Windows close by the smaller of it and stream time. */
  readonly watermark: number;
  /** Wall clock, ms since the epoch; stands still while records are processed. */
  now(): number;
  /** An id that is the same whenever this record is processed again: the n-th asked for by this node during this record or timer. */
  id(): string;
  /** The durable number of this name; `initial` before the first commit. Ask for it while the node is built. */
  cell(name: string, initial: number): Cell;
  /** Pushes a value with other metadata than the current record's. */
  emit<T>(to: Subscriber<T>, value: T, as: EmitAs): void;
  /** The same for what the current record did not cause, e.g. the final result of a window: without its headers and sequence, and not its fault. */
  emitApart<T>(to: Subscriber<T>, value: T, as: EmitAs): void;
  /** The current record goes no further and is counted under `reason` (`late`, `duplicate`, `null-key`, `filtered` …). */
  drop(reason: string): void;
  /** The same without ending the record: a window it missed, counted beside the record's own fate. */
  miss(reason: string): void;
  /** The current record leaves by the dead letters of its source topic, with its original bytes, once a node. What no record caused is dropped. */
  deadLetter(reason: string, detail?: string): void;
  /** The current record changed a store, and may end here without an output. */
  fold(): void;
  /**
   * Stream time: due at 0 first, so the first record fires it, then at each multiple of the interval, after the record that reached it.
   * Wall clock: due one interval after scheduling. Missed ticks are one call, with the current time; the grid stays, over restarts too,
   * and so does a cancellation, until the timer is scheduled again by a record or another timer.
   */
  schedule(
    timer: { readonly id: string; readonly kind: "stream-time" | "wall-clock"; readonly intervalMs: number },
    fire: (time: number) => void,
  ): Timer;
  /** What this node may still emit, of its own accord, is no older than `oldest` answers: those behind a repartition wait for it. Ask for it while the node is built. */
  holdTime(oldest: () => number): void;
  /** Calls back whenever the watermark moved without a record, so that windows close by it. */
  onWatermark(moved: () => void): void;
}

let building: NodeContext | undefined;

/** The context of the node that is being built. @throws {Error} outside of a processor's `run`: durable operators are made nowhere else */
export function nodeContext(): NodeContext {
  if (building === undefined) throw new Error("a durable operator is made inside a processor's run, where it has a node");
  return building;
}

export function withNodeContext<T>(context: NodeContext, build: () => T): T {
  const outer = building;
  building = context;
  try {
    return build();
  } finally {
    building = outer;
  }
}
