import { expect, test } from "vitest";
import { DedupeTable } from "./dedupe-table.ts";

const table = (entries: number, withinMs = 1000): DedupeTable<object> => new DedupeTable({ entries, withinMs });

test("[G8] an id is pending until its append ends, then done with its token", () => {
  const ids = table(10);
  const first = {};
  expect(ids.look("a", 0)).toEqual({ kind: "fresh" });
  ids.claim("a", first);
  expect(ids.look("a", 0)).toEqual({ kind: "pending", first });
  ids.settle("a", "t:0:1", 0);
  expect(ids.look("a", 999)).toEqual({ kind: "done", token: "t:0:1", receivedAtMs: 0 });
});

test("[G8] an id whose append failed is forgotten, so that it can be sent again", () => {
  const ids = table(10);
  ids.claim("a", {});
  ids.settle("a", undefined, 0);
  expect(ids.look("a", 0)).toEqual({ kind: "fresh" });
  expect(ids.size).toBe(0);
});

test("[G8] an id is forgotten after the window", () => {
  const ids = table(10);
  ids.settle("a", "t:0:1", 0);
  expect(ids.look("a", 1000)).toEqual({ kind: "fresh" });
  expect(ids.size).toBe(0);
});

test("[G9] the table is bounded: the id longest unseen goes first, one that is under way never", () => {
  const ids = table(2);
  ids.claim("p", {});
  ids.settle("a", "t:0:1", 0);
  ids.settle("b", "t:0:2", 0);
  ids.look("a", 1);
  ids.settle("c", "t:0:3", 0);
  expect(["p", "a", "b", "c"].map((id) => ids.look(id, 1).kind)).toEqual(["pending", "done", "fresh", "done"]);
  for (let i = 0; i < 1000; i++) ids.settle(`x${i}`, "t:0:9", 0);
  expect(ids.size).toBe(3);
});
