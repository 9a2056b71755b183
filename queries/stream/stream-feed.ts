import type { CatalogueEntry } from "../catalogue.ts";
import { type RingLimits, Ring } from "./ring.ts";
import { SharedSnapshot } from "./shared-snapshot.ts";
import type { StreamClock } from "./stream-clock.ts";
import type { Changes, Slice, SliceRequest, StreamAnswer, StreamAnswerer, StreamRequest, StreamUnavailable } from "./stream-request.ts";
import type { StreamView } from "./stream-view.ts";

export type StreamFeedParts = {
  readonly entry: CatalogueEntry;
  readonly answerer: StreamAnswerer;
  readonly clock: StreamClock;
  readonly ring: RingLimits;
  readonly onError: (error: unknown) => void;
};

/** How long changes are gathered behind the last reader, so that one who comes back finds what it missed. */
const lingerMs = 120_000;
const progressMs = 1000;
const beatMs = 15_000;
const againMs = 500;
/** What one reader costs at each telling takes 20 to 30 µs: so all of them together take a third of the thread at most, however often rows change. */
const restMsPerReader = 0.1;

/** What is heard of one query on the thread that answers HTTP, once for all its readers. */
export class StreamFeed {
  readonly entry: CatalogueEntry;
  readonly clock: StreamClock;
  /** Why there is no ring, when the engine has said so. */
  unavailable: StreamUnavailable | undefined;
  private current: Ring | undefined;
  private readonly parts: StreamFeedParts;
  private readonly closing = new AbortController();
  private readonly snapshots = new Map<string, SharedSnapshot>();
  private moving = Promise.withResolvers<"moved" | "beat">();
  private running: Promise<void> | undefined;
  private readers = 0;
  private leftAtMs = 0;
  private progressAtMs = -Infinity;

  constructor(parts: StreamFeedParts) {
    this.parts = parts;
    this.entry = parts.entry;
    this.clock = parts.clock;
  }

  /** What has been told lately, one frame at least; undefined while nothing is gathered. Another one holds what another began with. */
  get ring(): Ring | undefined {
    return this.current;
  }

  join(): void {
    this.readers += 1;
    this.start();
  }

  leave(): void {
    this.readers -= 1;
    this.leftAtMs = this.clock.nowMs();
  }

  /** Settles when the ring has moved or is another one, and at times when nothing happens, so that readers can say that they live. */
  moved(): Promise<"moved" | "beat"> {
    return this.moving.promise;
  }

  /** Wakes all readers. */
  wake(kind: "moved" | "beat" = "moved"): void {
    const { moving } = this;
    this.moving = Promise.withResolvers();
    moving.resolve(kind);
  }

  /** The rows of a view as they stand: those who ask at about the same time share what is read. */
  snapshotOf(view: StreamView, request: Omit<SliceRequest, "position">): SharedSnapshot {
    const { ring, clock } = this;
    const shared = this.snapshots.get(view.name);
    if (shared?.ring === ring && shared?.isYoung(clock.nowMs()) === true) return shared;
    const read = async (position: SliceRequest["position"]): Promise<Slice | StreamUnavailable> => {
      const { signal } = this.closing;
      try {
        const answer = await this.ask({ kind: "slice", ...request, position }, signal);
        return answer.kind === "slice" ? answer : noSlice(answer);
      } catch (error) {
        if (!signal.aborted) throw error;
        return { kind: "unavailable", detail: "the process is stopping" };
      }
    };
    const snapshot = new SharedSnapshot({ ring: ring!, view, read, nowMs: clock.nowMs() });
    this.snapshots.set(view.name, snapshot);
    return snapshot;
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.wake();
    await this.running;
  }

  private get wanted(): boolean {
    return !this.closing.signal.aborted && (this.readers > 0 || this.clock.nowMs() - this.leftAtMs < lingerMs);
  }

  private start(): void {
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      if (this.wanted) this.start();
    });
  }

  private async run(): Promise<void> {
    const ended = new AbortController();
    this.unavailable = undefined;
    void this.beat(ended.signal);
    while (this.wanted) {
      try {
        await this.follow();
      } catch (error) {
        if (!this.closing.signal.aborted) this.parts.onError(error);
      }
      if (this.wanted) await this.clock.sleep(againMs, this.closing.signal);
    }
    ended.abort();
    this.current = undefined;
    this.snapshots.clear();
    this.wake();
  }

  /** Gathers what one feed of the engine tells, until that ends. */
  private async follow(): Promise<void> {
    const { signal } = this.closing;
    const query = this.entry.name;
    const began = await this.ask({ kind: "begin", query }, signal);
    if (began.kind !== "began") {
      this.current = undefined;
      this.unavailable = began.kind === "unavailable" ? began : noSlice(began);
      return this.wake();
    }
    const ring = new Ring(began, this.parts.ring);
    // The first answer comes at once: readers know from it how far things have come.
    for (let maxWaitMs = 0; this.wanted; maxWaitMs = progressMs) {
      const answer = await this.ask({ kind: "changes", query, feed: began.feed, maxWaitMs }, signal);
      if (answer.kind !== "changes") return;
      this.push(ring, answer);
      const rest = this.readers * restMsPerReader;
      if (rest >= 1) await this.clock.sleep(rest, signal);
    }
  }

  private push(ring: Ring, changes: Changes): void {
    const nowMs = this.clock.nowMs();
    const tellsProgress = this.current !== ring || nowMs - this.progressAtMs >= progressMs || nowMs < this.progressAtMs;
    if (tellsProgress) this.progressAtMs = nowMs;
    ring.push(changes, { nowMs, tellsProgress });
    if (this.current !== ring) this.snapshots.clear();
    for (const [name, snapshot] of this.snapshots) if (!snapshot.isYoung(nowMs)) this.snapshots.delete(name);
    this.current = ring;
    this.unavailable = undefined;
    this.wake();
  }

  private async beat(ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      await this.clock.sleep(beatMs, ended);
      this.wake("beat");
    }
  }

  private ask(request: StreamRequest, signal: AbortSignal): Promise<StreamAnswer> {
    return this.parts.answerer.stream(request, signal);
  }
}

const noSlice = (answer: StreamAnswer): StreamUnavailable =>
  answer.kind === "unavailable" ? answer : { kind: "unavailable", detail: "the engine gave another answer than was asked for" };
