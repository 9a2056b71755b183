import type { WindowStore } from "@millrace/engine";
import { recordCodec } from "#schemas/codec/record-codec.ts";
import { segmentStart } from "./sliding-span.ts";

/** Of one key and segment: the times of the newest values and of those that were let through once, ascending, ms. */
export type RecentAttempts = { seen: number[]; raised: number[] };

const times = { type: "array", items: "long" } as const;

export const recentAttemptsCodec = recordCodec<RecentAttempts>({
  type: "record",
  name: "RecentAttempts",
  fields: [
    { name: "seen", type: times },
    { name: "raised", type: times },
  ],
});

/** A key that is tried without end costs no more than this many times a segment: the newest. */
export const rememberedTimes = 1_000;

/** Number of times of a kind in `(t − spanMs, t]`. */
export function countRecent(recent: WindowStore<RecentAttempts>, kind: keyof RecentAttempts, { key, timestamp, spanMs }: Look): number {
  const own = segmentStart(timestamp, spanMs);
  let count = 0;
  for (const [, attempts] of recent.windowsOf(key, own - spanMs, own + 1)) {
    for (const time of attempts[kind]) if (time > timestamp - spanMs && time <= timestamp) count += 1;
  }
  return count;
}

/** Remembers a time of a kind. */
export function addRecent(recent: WindowStore<RecentAttempts>, kind: keyof RecentAttempts, { key, timestamp, spanMs }: Look): void {
  const own = segmentStart(timestamp, spanMs);
  const attempts = recent.get(key, own) ?? { seen: [], raised: [] };
  const list = attempts[kind];
  let at = list.length;
  while (at > 0 && list[at - 1]! > timestamp) at -= 1;
  list.splice(at, 0, timestamp);
  if (list.length > rememberedTimes) list.shift();
  recent.put(key, own, attempts);
}

export type Look = { readonly key: string; readonly timestamp: number; readonly spanMs: number };
