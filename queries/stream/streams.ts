import type { CatalogueEntry } from "../catalogue.ts";
import { type QueryProblem, problemResponse } from "../problem.ts";
import { conditionsOf, parseStream, placeIdsOf, type StreamQuestion } from "./parse-stream.ts";
import { defaultRingLimits, type RingLimits } from "./ring.ts";
import { type StreamClock, systemClock } from "./stream-clock.ts";
import { StreamFeed } from "./stream-feed.ts";
import { StreamBody } from "./stream-body.ts";
import { readStream } from "./stream-reader.ts";
import type { StreamAnswerer } from "./stream-request.ts";
import { StreamView } from "./stream-view.ts";

export type StreamsOptions = {
  readonly answerer: StreamAnswerer;
  readonly clock?: Partial<StreamClock>;
  readonly ring?: Partial<RingLimits>;
  /** Readers at a time; one more is refused. */
  readonly mostReaders?: number;
  readonly onError?: (error: unknown) => void;
};

type Connection = { readonly signal: AbortSignal; readonly leave: () => void; readonly breakOff: () => void };

/** How long a first reader waits for the engine before it is told that there is nothing to read. */
const readyMs = 2000;
/** A reader who takes nothing for so long is gone, or as good as gone. */
const stuckMs = 120_000;
const sweepMs = 10_000;
/** Before readers are sent away: until nothing has changed for so long, and so long at most. */
const quietMs = 250;
const drainMs = 2000;

/** The streams of all queries: who reads them, and what was told. */
export class Streams {
  private readonly options: StreamsOptions;
  private readonly clock: StreamClock;
  private readonly feeds = new Map<string, StreamFeed>();
  private readonly mostReaders: number;
  private readers = 0;
  private draining = false;
  private drained = false;
  private readonly bodies = new Map<StreamBody, () => void>();
  private readonly stopped = new AbortController();
  private sweeping: Promise<void> | undefined;

  constructor(options: StreamsOptions) {
    this.options = options;
    this.clock = { ...systemClock, ...options.clock };
    this.mostReaders = options.mostReaders ?? 2000;
  }

  get readerCount(): number {
    return this.readers;
  }

  /** `breakOff` breaks the connection. */
  async respond(entry: CatalogueEntry, request: Request, breakOff: () => void): Promise<Response> {
    const parsed = parseStream(entry, {
      parameters: new URL(request.url).searchParams,
      accept: request.headers.get("accept") ?? undefined,
      lastEventId: request.headers.get("last-event-id") ?? undefined,
    });
    if (parsed.kind === "problem") return problemResponse(parsed.problem);
    if (request.method === "HEAD") return new Response(null, { headers });
    if (this.draining) return problemResponse(away("the process is stopping"));
    if (this.readers >= this.mostReaders) return problemResponse(tooMany(this.mostReaders));
    const feed = this.feedOf(entry);
    const leave = this.join(feed);
    const ready = await this.ready(feed, request.signal);
    if (feed.ring === undefined || !ready) {
      leave();
      return problemResponse(away(feed.unavailable?.detail ?? "the engine has not answered yet"));
    }
    return new Response(this.body(feed, parsed.question, { signal: request.signal, leave, breakOff }), { headers });
  }

  /** Lets readers hear the last changes, then sends them away; they come back by themselves. */
  async drain(): Promise<void> {
    this.draining = true;
    const signal = AbortSignal.timeout(drainMs);
    const ends = (): string => [...this.feeds.values()].map(({ ring }) => ring?.changeCount ?? 0).join();
    for (let before = ""; this.readers > 0 && !signal.aborted && before !== ends();) {
      before = ends();
      await this.clock.sleep(quietMs, signal);
    }
    this.drained = true;
    this.stopped.abort();
    for (const feed of this.feeds.values()) feed.wake();
    await Promise.all(Array.from(this.feeds.values(), (feed) => feed.close()));
  }

  private body(feed: StreamFeed, question: StreamQuestion, { signal, leave, breakOff }: Connection): ReadableStream<Uint8Array> {
    const ring = feed.ring!;
    const ids = placeIdsOf(feed.entry, question, ring.began.log);
    const place = question.lastId === undefined ? undefined : ids.parse(question.lastId);
    const view = new StreamView(feed.entry, conditionsOf(question, place, ring.progress!.streamTime), ids);
    const gone = new AbortController();
    const pieces = readStream({
      feed,
      view,
      place: place?.place,
      lost: question.lastId !== undefined,
      snapshot: question.snapshot,
      gone: gone.signal,
      drained: () => this.drained,
    });
    const ended = (): void => {
      gone.abort();
      this.bodies.delete(body);
      leave();
    };
    const body: StreamBody = new StreamBody({ pieces, clock: this.clock, ended, onError: this.options.onError ?? ((): void => undefined) });
    this.bodies.set(body, breakOff);
    signal.addEventListener("abort", () => body.end(), { once: true });
    this.startSweeping();
    return body.stream;
  }

  private startSweeping(): void {
    if (this.bodies.size === 0 || this.drained) return;
    this.sweeping ??= this.sweep().finally(() => {
      this.sweeping = undefined;
      this.startSweeping();
    });
  }

  /** Breaks with readers who have taken nothing for long: they hold a connection for nothing. */
  private async sweep(): Promise<void> {
    while (this.bodies.size > 0 && !this.drained) {
      await this.clock.sleep(sweepMs, this.stopped.signal);
      const before = this.clock.nowMs() - stuckMs;
      for (const [body, breakOff] of this.bodies) {
        if (body.waitingSinceMs === undefined || body.waitingSinceMs > before) continue;
        body.end();
        breakOff();
      }
    }
  }

  private join(feed: StreamFeed): () => void {
    this.readers += 1;
    feed.join();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.readers -= 1;
      feed.leave();
    };
  }

  private async ready(feed: StreamFeed, gone: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([gone, AbortSignal.timeout(readyMs)]);
    const aborted = new Promise<void>((settle) => signal.addEventListener("abort", () => settle(), { once: true }));
    while (feed.ring === undefined && !signal.aborted && feed.unavailable === undefined) await Promise.race([feed.moved(), aborted]);
    return !gone.aborted;
  }

  private feedOf(entry: CatalogueEntry): StreamFeed {
    const found = this.feeds.get(entry.name);
    if (found !== undefined) return found;
    const { answerer, ring, onError = () => undefined } = this.options;
    const feed = new StreamFeed({ entry, answerer, clock: this.clock, ring: { ...defaultRingLimits, ...ring }, onError });
    this.feeds.set(entry.name, feed);
    return feed;
  }
}

const headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
} as const;

const away = (detail: string): QueryProblem => ({ slug: "query-unavailable", detail, headers: { "Retry-After": "1" } });

const tooMany = (most: number): QueryProblem => ({
  slug: "too-many-readers",
  detail: `${most} streams are being read, and more are not served by this process`,
  headers: { "Retry-After": "10" },
  more: { limit: most },
});
