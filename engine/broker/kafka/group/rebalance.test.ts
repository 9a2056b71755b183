import { expect, test } from "vitest";
import { taskId, type TaskId } from "#broker/broker.ts";
import { type GroupView, noGroup } from "./group-view.ts";
import { describeRebalance } from "./rebalance.ts";

const t0 = taskId("lines", 0);
const t1 = taskId("lines", 1);
const t2 = taskId("lines", 2);
const t3 = taskId("lines", 3);

const view = (owners: Readonly<Record<string, readonly TaskId[]>>): GroupView => ({
  members: new Map(Object.keys(owners).map((member) => [member, ""])),
  owners: new Map(Object.entries(owners).flatMap(([member, tasks]) => tasks.map((task) => [task, { member, endpoint: "" }] as const))),
});

test("[K48] who came and who is gone, where gained tasks are from, and whether their state is here", () => {
  const before = view({ a: [t0, t1], b: [t2], gone: [t3] });
  const after = view({ a: [t0, t2, t3], new: [t1] });
  const rebalance = describeRebalance({
    generation: 7,
    leader: true,
    reason: "the group rebalances",
    before,
    after,
    origins: before.owners,
    ownedBefore: new Set([t0, t1]),
    stillOwned: new Set([t0]),
    ownedAfter: new Set([t0, t2, t3]),
    held: new Map([[t2, 12]]),
  });
  expect(rebalance).toEqual({
    generation: 7,
    leader: true,
    reason: "the group rebalances",
    gained: [t2, t3],
    kept: [t0],
    lost: [t1],
    counts: new Map([["a", 3], ["new", 1]]), // prettier-ignore
    why: "new joined; b, gone gone; gained 2: 1 from b, 1 from gone, 1 with state here (at most 12 behind)",
  });
});

test("[K48] a task that was lost and came back counts as lost and gained, for its state was dropped", () => {
  const all = view({ a: [t0] });
  const rebalance = describeRebalance({
    generation: 2,
    leader: false,
    reason: "was thrown out of the group",
    before: all,
    after: all,
    origins: all.owners,
    ownedBefore: new Set([t0]),
    stillOwned: new Set(),
    ownedAfter: new Set([t0]),
    held: new Map(),
  });
  expect(rebalance).toMatchObject({ gained: [t0], kept: [], lost: [t0] });
});

test("[K48] a group of members without tasks has nothing to say", () => {
  const rebalance = describeRebalance({
    generation: 1,
    leader: false,
    reason: "joins",
    before: noGroup,
    after: view({ a: [], b: [] }),
    origins: new Map(),
    ownedBefore: new Set(),
    stillOwned: new Set(),
    ownedAfter: new Set(),
    held: new Map(),
  });
  expect(rebalance).toMatchObject({ gained: [], kept: [], lost: [], counts: new Map([["a", 0], ["b", 0]]), why: "" }); // prettier-ignore
});
