import { backoff, type RetryPolicy } from "#task/failure.ts";
import type { Delivery, DeliveryResult, SinkLimits } from "./sink.ts";

export type LaneRecord = {
  readonly delivery: Omit<Delivery, "attempt">;
  /** Of key, value and headers. */
  readonly bytes: number;
};

/** A record that leaves by the dead letters. */
export type Refused<R extends LaneRecord = LaneRecord> = {
  readonly record: R;
  readonly reason: string;
  readonly answer: string | undefined;
  readonly attempts: number;
};

export type LaneOptions = {
  readonly limits: SinkLimits;
  readonly retry: RetryPolicy;
  readonly random: () => number;
  /** When the sink last delivered anything, ms; an attempt counts only when others were delivered since it began. */
  readonly lastDeliveredMs: () => number;
};

/** So many times as often what is not answered is tried. */
const unansweredTimes = 4;

type Held<R> = {
  readonly record: R;
  state: "ready" | "behind" | "waiting" | "under" | "settled";
  attempts: number;
  /** Attempts in vain while others were delivered. */
  vain: number;
  /** When it was given last. */
  triedMs: number;
  dueMs: number;
  /** The next one of its key. */
  after: Held<R> | undefined;
};

/** A call: what `take` gave, to be settled once. */
export type Call<R> = { readonly batch: readonly Delivery[]; readonly held: readonly Held<R>[] };

/**
 * The records of one partition on their way out. Of a key only the oldest unsettled one is ever given; what is to be tried again waits for its time and holds
 * back nobody but its key; `position` never passes what is unsettled, so that a crash delivers again and loses nothing.
 */
export class Lane<R extends LaneRecord = LaneRecord> {
  private readonly options: LaneOptions;
  /** In the order of the log, from the first unsettled one on; settled ones among them are skipped. */
  private held: Held<R>[] = [];
  private first = 0;
  private readonly lastOfKey = new Map<string, Held<R>>();
  private ready: Held<R>[] = [];
  private waiting: Held<R>[] = [];
  private calls = 0;
  private end: bigint;
  private unsettledCount = 0;

  /** `position`: where the partition's records begin. */
  constructor(position: bigint, options: LaneOptions) {
    this.end = position;
    this.options = options;
  }

  /** Records that are held and not settled. */
  get unsettled(): number {
    return this.unsettledCount;
  }

  /** Everything before it is settled. */
  get position(): bigint {
    return this.held[this.first]?.record.delivery.at.offset ?? this.end;
  }

  /** The first record that is not settled, of those that are held. */
  get oldest(): R | undefined {
    return this.held[this.first]?.record;
  }

  get callsUnder(): number {
    return this.calls;
  }

  /** Records behind those offered before; `next` is where the log goes on. */
  offer(records: readonly R[], next: bigint): void {
    this.end = next;
    for (const record of records) {
      const held: Held<R> = { record, state: "ready", attempts: 0, vain: 0, triedMs: 0, dueMs: 0, after: undefined };
      this.held.push(held);
      this.unsettledCount += 1;
      const { key } = record.delivery;
      const before = key === null ? undefined : this.lastOfKey.get(key);
      if (key !== null) this.lastOfKey.set(key, held);
      if (before === undefined) this.ready.push(held);
      else {
        held.state = "behind";
        before.after = held;
      }
    }
  }

  /** What can be delivered now, within the sink's limits or `most` records; undefined when there is nothing, or enough calls are under way. */
  take(nowMs: number, most: number = this.options.limits.records): Call<R> | undefined {
    const { limits } = this.options;
    this.wake(nowMs);
    if (this.calls >= limits.calls || this.ready.length === 0) return undefined;
    const held: Held<R>[] = [];
    let bytes = 0;
    for (const next of this.ready) {
      if (held.length >= Math.min(most, limits.records) || (held.length > 0 && bytes + next.record.bytes > limits.bytes)) break;
      bytes += next.record.bytes;
      held.push(next);
    }
    this.ready.splice(0, held.length);
    for (const one of held) {
      one.state = "under";
      one.triedMs = nowMs;
    }
    this.calls += 1;
    return { held, batch: held.map(({ record: { delivery }, attempts }) => ({ ...delivery, attempt: attempts })) };
  }

  /** What became of a call; answers those that leave by the dead letters. @throws {RangeError} when there are not as many results as records */
  settle({ held }: Call<R>, results: readonly DeliveryResult[], nowMs: number): readonly Refused<R>[] {
    if (results.length !== held.length) throw new RangeError(`the sink answered ${results.length} results for ${held.length} records`);
    this.calls -= 1;
    const refused: Refused<R>[] = [];
    for (const [i, one] of held.entries()) {
      const result = results[i]!;
      one.attempts += 1;
      if (result.kind === "retry" && !this.isGivenUp(one, result)) {
        this.retry(one, nowMs, result.afterMs);
        continue;
      }
      if (result.kind !== "delivered") {
        const answer = result.kind === "refused" ? result.answer : undefined;
        const reason =
          result.kind === "refused" ? result.reason : result.unanswered === true ? "attempts-unanswered" : "attempts-exhausted";
        refused.push({
          record: one.record,
          reason,
          answer: answer ?? (result.kind === "retry" ? result.reason : undefined),
          attempts: one.attempts,
        });
      }
      this.release(one);
    }
    this.forgetSettled();
    return refused;
  }

  /** Milliseconds until something waits no longer; Infinity when nothing waits. */
  dueInMs(nowMs: number): number {
    if (this.ready.length > 0) return 0;
    return this.waiting.length === 0 ? Infinity : Math.max(0, this.waiting[0]!.dueMs - nowMs);
  }

  /**
   * An outage uses up nobody's attempts: one counts only when others were delivered since it began. What was not answered may have arrived, so it is not given up
   * by that: it is tried on until an answer, or until it was tried so much longer that it must be what makes the other side fail.
   */
  private isGivenUp(one: Held<R>, { unanswered }: Extract<DeliveryResult, { kind: "retry" }>): boolean {
    const { retry, lastDeliveredMs } = this.options;
    if (lastDeliveredMs() >= one.triedMs) one.vain += 1;
    return one.vain >= (unanswered === true ? retry.attempts * unansweredTimes : retry.attempts);
  }

  private retry(one: Held<R>, nowMs: number, afterMs = 0): void {
    const { retry, random } = this.options;
    one.state = "waiting";
    one.dueMs = nowMs + Math.max(afterMs, backoff(Math.min(one.attempts - 1, 30), retry, random));
    // Few wait, and mostly at the end.
    let at = this.waiting.length;
    while (at > 0 && this.waiting[at - 1]!.dueMs > one.dueMs) at -= 1;
    this.waiting.splice(at, 0, one);
  }

  private wake(nowMs: number): void {
    let count = 0;
    while (count < this.waiting.length && this.waiting[count]!.dueMs <= nowMs) count += 1;
    if (count === 0) return;
    const awake = this.waiting.splice(0, count);
    for (const one of awake) one.state = "ready";
    // Older than what is ready: the position waits for them.
    this.ready = [...awake, ...this.ready];
  }

  private release(one: Held<R>): void {
    one.state = "settled";
    this.unsettledCount -= 1;
    const { key } = one.record.delivery;
    if (one.after !== undefined) {
      one.after.state = "ready";
      this.ready.push(one.after);
    } else if (key !== null) this.lastOfKey.delete(key);
  }

  private forgetSettled(): void {
    while (this.held[this.first]?.state === "settled") this.first += 1;
    // Not with every call: moving what is left costs as much as there is.
    if (this.first > 1024 || this.first === this.held.length) {
      this.held = this.held.slice(this.first);
      this.first = 0;
    }
  }
}
