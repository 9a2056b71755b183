import { expect, test } from "vitest";
import { pauseMs, retryAfterMs } from "./backoff.ts";
import { newEventId } from "./event-id.ts";
import { EventStreamReader } from "./event-stream.ts";
import { type Held, Outbox } from "./outbox.ts";

test("[N6] pauses double up to a bound, by chance below it, and never below what the server asked for", () => {
  const limits = { baseMs: 100, mostMs: 30_000 };
  const at = (attempt: number, roll: number, askedMs?: number): number => pauseMs(attempt, { limits, askedMs, roll });
  expect([at(0, 1), at(1, 1), at(4, 1), at(50, 1), at(3, 0.5)]).toEqual([100, 200, 1600, 30_000, 400]);
  expect([at(0, 0, 2000), at(0, 1, 2000), at(9, 1, 2000)]).toEqual([2000, 2400, 30_000]);
  // What no clock can wait for, or nobody wants to, is waited for as long as is sensible.
  expect([at(0, 0, 31_536_000_000), at(0, 1, Number.MAX_SAFE_INTEGER)]).toEqual([300_000, 360_000]);
  const now = Date.parse("2026-11-22T10:00:00Z");
  expect([
    retryAfterMs("3", now),
    retryAfterMs("Sun, 22 Nov 2026 10:00:05 GMT", now),
    retryAfterMs("soon", now),
    retryAfterMs(null, now),
  ]).toEqual([3000, 5000, undefined, undefined]);
});

test("[N1] ids are UUIDs of version 7, in the order of their time, none twice", () => {
  const ids = Array.from({ length: 1000 }, (_, i) => newEventId(1_764_000_000_000 + i));
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(1000);
  expect(Number.parseInt(newEventId(1_764_000_000_000).replaceAll("-", "").slice(0, 12), 16)).toBe(1_764_000_000_000);
});

test("[N10] server-sent events are read however their text is cut; one that is cut off is none", () => {
  const text = '\ufeff: hello\n\nretry: 250\nevent: upsert\nid: 7\ndata: {"rows":\ndata: [1]}\n\r\ndata:2\r\r\nevent: lost\ndata: {';
  const whole = [
    { event: "upsert", id: "7", data: { rows: [1] } },
    { event: "message", id: "7", data: 2 },
  ];
  for (let size = 1; size <= text.length; size++) {
    const reader = new EventStreamReader();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...reader.read(text.slice(at, at + size)));
    expect([size, found, reader.retryMs]).toEqual([size, whole, 250]);
  }
});

const held = (eventId: string, key: string, more: Partial<Held> = {}): Held => ({
  eventId,
  key,
  text: "",
  bytes: 10,
  heldAtMs: 0,
  notBeforeMs: 0,
  attempts: 0,
  inFlight: false,
  settle: () => undefined,
  fail: () => undefined,
  ...more,
});

test("[N5] nothing is sent before an earlier event of its key, whether that is under way or waits; others pass it", () => {
  const outbox = new Outbox();
  const events = [
    held("a1", "a", { inFlight: true }),
    held("b1", "b", { notBeforeMs: 50 }),
    held("a2", "a"),
    held("c1", "c"),
    held("b2", "b"),
    held("c2", "c"),
    held("d1", "d"),
  ];
  for (const event of events) outbox.add(event);
  const next = (limit: number, nowMs: number): unknown => {
    const { batch, whole, dueMs } = outbox.next({ events: limit, bytes: 1000 }, nowMs);
    return [batch.map(({ eventId }) => eventId).join(), whole, dueMs];
  };
  expect(next(10, 0)).toEqual(["c1,c2,d1", false, 50]);
  expect(next(2, 0)).toEqual(["c1,c2", true, 50]);
  expect(next(10, 50)).toEqual(["b1,c1,b2,c2,d1", false, Infinity]);
  expect(outbox.next({ events: 10, bytes: 25 }, 50).batch.length).toBe(2);
  outbox.remove(new Set([events[0]!]));
  expect(next(1, 0)).toEqual(["a2", true, 50]);
  expect([outbox.size, outbox.bytes]).toEqual([6, 60]);
});
