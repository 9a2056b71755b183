import { expect, test } from "vitest";
import { DedupeTable } from "./dedupe-table.ts";
import type { EventName } from "./stored-ids.ts";

const table = (entries: number, withinMs = 1000): DedupeTable<object> => new DedupeTable({ entries, withinMs });
const named = (eventId: string, source = "shop"): EventName => ({ source, eventId });
const place = { prefix: "t:0:", offset: 1 };
const store = (ids: DedupeTable<object>, eventId: string): void => ids.claim(named(eventId), {}, 0)(place);

test("[G8] an id is pending until its append ends, then done with its token; other sources have ids of their own", () => {
  const ids = table(10);
  const first = {};
  expect(ids.look(named("a"), 0)).toEqual({ kind: "fresh" });
  const settle = ids.claim(named("a"), first, 0);
  expect(ids.look(named("a"), 0)).toEqual({ kind: "pending", first });
  settle(place);
  expect(ids.look(named("a"), 999)).toEqual({ kind: "done", token: "t:0:1", receivedAtMs: 0 });
  expect(ids.look(named("a", "other"), 0)).toEqual({ kind: "fresh" });
});

test("[G8] an id whose append failed is forgotten, so that it can be sent again", () => {
  const ids = table(10);
  ids.claim(named("a"), {}, 0)(undefined);
  expect(ids.look(named("a"), 0)).toEqual({ kind: "fresh" });
  store(ids, "a");
  expect(ids.look(named("a"), 0)).toMatchObject({ kind: "done" });
});

test("[G8] an id is forgotten after the window", () => {
  const ids = table(10);
  store(ids, "a");
  expect(ids.look(named("a"), 1000)).toEqual({ kind: "fresh" });
});

test("[G9] the table is bounded: ids longest unseen go first, one that is under way never", () => {
  const ids = table(100);
  const settle = ids.claim(named("pending"), {}, 0);
  for (let i = 0; i < 1000; i++) {
    store(ids, `x${i}`);
    expect(ids.look(named("x0"), 0).kind, `after ${i}`).toBe("done");
    expect(ids.look(named("pending"), 0).kind).toBe("pending");
    expect(ids.size).toBeLessThanOrEqual(104);
  }
  for (let i = 951; i < 1000; i++) expect(ids.look(named(`x${i}`), 0).kind).toBe("done");
  for (let i = 1; i < 900; i++) expect(ids.look(named(`x${i}`), 0).kind).toBe("fresh");
  settle(place);
  expect(ids.look(named("pending"), 0).kind).toBe("done");
});

test("[G9] more ids under way than the table has room for cost no more than they are", () => {
  const ids = table(100);
  const settles = Array.from({ length: 50_000 }, (_, i) => ids.claim(named(`p${i}`), {}, 0));
  for (let i = 0; i < 50_000; i += 997) expect(ids.look(named(`p${i}`), 0).kind).toBe("pending");
  for (const settle of settles) settle(place);
  for (let i = 0; i < 200; i++) store(ids, `x${i}`);
  expect(ids.size).toBeLessThanOrEqual(104);
});
