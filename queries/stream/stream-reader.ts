import { covers } from "./place-id.ts";
import type { Ring } from "./ring.ts";
import type { StreamFeed } from "./stream-feed.ts";
import type { Place, StreamUnavailable } from "./stream-request.ts";
import { event, type StreamView } from "./stream-view.ts";

export type StreamReaderParts = {
  readonly feed: StreamFeed;
  readonly view: StreamView;
  /** What it says it has been told. */
  readonly place: Place | undefined;
  /** It gave an id that is of no use here. */
  readonly lost: boolean;
  /** Begins with the rows as they stand; else only with what changes. */
  readonly snapshot: boolean;
  readonly gone: AbortSignal;
  readonly drained: () => boolean;
};

/** A reader who is so far behind is told only the newest of each row. */
const conflatedCharacters = 1 << 20;

const againMs = 500;

const reset = (): Uint8Array => event("reset", "{}", "");
const drain = (): Uint8Array => event("drain", "{}");
const waitingText = (why: StreamUnavailable | undefined): string | undefined =>
  why === undefined ? undefined : JSON.stringify({ ...(why.code === undefined ? {} : { code: why.code }), detail: why.detail });
const heartbeat = Buffer.from(":\n\n");

/**
 * What one reader is sent, a piece whenever it takes one. It remembers where it stands in the ring and nothing else: a slow reader costs no memory, and
 * one whose place has left the ring begins anew.
 */
export async function* readStream(parts: StreamReaderParts): AsyncGenerator<Uint8Array, void> {
  const { feed, view, gone, drained } = parts;
  const over = (): boolean => gone.aborted;
  yield Buffer.from(`retry: ${2000 + Math.floor(feed.clock.random() * 1000)}\n\n`);
  let { place } = parts;
  let begun = parts.lost || place !== undefined;
  let waiting: string | undefined;
  while (!over()) {
    const { ring } = feed;
    if (ring === undefined) {
      if (drained()) return yield drain();
      // Somebody who looks on knows why nothing more comes; a client that knows of none waits.
      const why = waitingText(feed.unavailable);
      if (why !== undefined && why !== waiting) yield event("waiting", (waiting = why));
      else if ((await feed.moved()) === "beat" && !over()) yield heartbeat;
      continue;
    }
    waiting = undefined;
    let next = place === undefined ? undefined : ring.after(place);
    if (next === undefined) {
      if (begun) yield reset();
      begun = true;
      place = undefined;
      // It may have taken its time with that.
      if (over() || feed.ring !== ring) continue;
      const from = parts.snapshot ? yield* snapshot(parts, ring) : ring.end;
      if (from === undefined) continue;
      next = from;
    }
    place ??= ring.placeBefore(next);
    // It took the snapshot so slowly that the ring went on without it.
    if (place === undefined) continue;
    // Where it stands now, for one to whom nothing may happen for long.
    if (next === ring.end && ring.progress !== undefined) {
      yield view.progress(ring.progress, { place, nowMs: feed.clock.nowMs() });
    }
    while (!over() && feed.ring === ring && next >= ring.first) {
      if (next === ring.end) {
        if (drained()) return yield drain();
        if ((await feed.moved()) === "beat" && next === ring.end && !over()) yield heartbeat;
        continue;
      }
      const frame = ring.frame(next);
      const bytes = ring.behind(next) > conflatedCharacters ? view.newestOf(frame) : view.frame(frame);
      place = frame.at;
      next += 1;
      if (bytes !== undefined) yield bytes;
    }
    // What it missed is not here any more.
    if (feed.ring === ring && next < ring.first) place = undefined;
  }
}

/**
 * The rows as they stand, then the newest of all that was told meanwhile, until that has all that the rows showed: no figure goes back. Answers the frame
 * that comes next, or nothing when it is to be begun anew.
 */
async function* snapshot({ feed, view, gone }: StreamReaderParts, ring: Ring): AsyncGenerator<Uint8Array, number | undefined> {
  const { filters, from, to } = view.conditions;
  const bound = (ms: number | undefined) => (ms === undefined ? undefined : ({ kind: "at", ms } as const));
  const shared = feed.snapshotOf(view, { query: feed.entry.name, filters, from: bound(from), to: bound(to) });
  let at: Place | undefined;
  let position: Awaited<ReturnType<typeof shared.part>> | undefined;
  for (let number = 0; number === 0 || (position?.kind === "part" && position.next !== undefined); number++) {
    position = await shared.part(number, position?.kind === "part" ? position.next : undefined);
    if (gone.aborted || feed.ring !== ring) return undefined;
    if (position.kind !== "part") {
      await feed.clock.sleep(againMs, gone);
      return undefined;
    }
    at = position.at;
    yield position.bytes;
  }
  // The last part may have been taken long after it was made: nobody wakes whom the ring has left.
  while (!gone.aborted && feed.ring === ring && !covers(ring.place, at!)) {
    if ((await feed.moved()) === "beat") yield heartbeat;
  }
  if (gone.aborted || feed.ring !== ring) return undefined;
  const { end } = ring;
  for (let next = shared.from; next < end; next++) {
    if (next < ring.first) return undefined;
    const bytes = view.caughtUp(ring.frame(next));
    if (bytes !== undefined) yield bytes;
    if (gone.aborted || feed.ring !== ring) return undefined;
  }
  return end;
}
