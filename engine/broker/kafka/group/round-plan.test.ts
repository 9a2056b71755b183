import { describe, expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { tasksOf } from "./group-harness.ts";
import type { MemberMetadata } from "./member-metadata.ts";
import { type JoinedMember, type KnownOwners, planRound, type RoundToPlan } from "./round-plan.ts";
import { TaskList } from "./task-list.ts";

const list = new TaskList(tasksOf({ lines: 4, orders: 2 }));
const generation = 10;

function joined(id: string, more: Partial<MemberMetadata> = {}): JoinedMember {
  const fresh = {
    topology: list.hash,
    attempt: BigInt(id.charCodeAt(0)),
    generation: -1,
    endpoint: `${id}:80`,
    owned: [],
    held: new Map(),
  };
  return { memberId: `${id}-id`, id, metadata: { ...fresh, ...more } };
}
const owner = (id: string, owned: readonly number[], more: Partial<MemberMetadata> = {}): JoinedMember =>
  joined(id, { generation: generation - 1, owned, ...more });

const round: RoundToPlan = { generation, list, leaderId: "a-id", known: undefined };
const next = (before: RoundToPlan): RoundToPlan => ({ ...before, generation: before.generation + 1 });
/** What the leader knows of a generation: who owns each of these tasks, since when. */
const known = (of: number, owners: Readonly<Record<number, readonly [id: string, since: number]>>): KnownOwners => ({
  generation: of,
  owners: new Map(Object.entries(owners).map(([task, [id, since]]) => [Number(task), { id, since }])),
});

const all = [0, 1, 2, 3, 4, 5];

describe("plan of a round", () => {
  test("[K33] free tasks are given out at once, and every member is told who owns what", () => {
    const plan = planRound(round, [joined("a"), joined("b")]);
    const [first, second] = ["a-id", "b-id"].map((id) => plan.get(id)!);
    expect(new Set([...first!.tasks, ...second!.tasks])).toEqual(new Set(all));
    expect(first).toMatchObject({ status: "complete", topology: list.hash, attempt: 97n });
    expect(second!.members).toEqual([
      { id: "a", endpoint: "a:80" },
      { id: "b", endpoint: "b:80" },
    ]);
    for (const task of first!.tasks) expect(second!.owners[task]).toBe(0);
    for (const task of second!.tasks) expect(first!.owners[task]).toBe(1);
  });

  test("[K33] what must move is nobody's in the first round, and the newcomer's in the one that follows", () => {
    const plan = planRound(round, [owner("a", all), joined("b")]);
    const kept = plan.get("a-id")!.tasks;
    expect(kept).toHaveLength(3);
    expect(plan.get("a-id")!.status).toBe("incomplete");
    expect(plan.get("b-id")).toMatchObject({ status: "incomplete", tasks: [] });
    expect(plan.get("b-id")!.owners).toEqual([0, 0, 0, 0, 0, 0]);
    const second = planRound(next(round), [owner("a", kept, { generation }), joined("b", { generation })]);
    expect(second.get("a-id")).toMatchObject({ status: "complete", tasks: kept });
    expect(second.get("b-id")!.tasks).toEqual(all.filter((task) => !kept.includes(task)));
  });

  test("[K38] who was not in the generation before has no say: its tasks are free, and nobody waits for it to give them back", () => {
    const late = owner("late", all, { generation: generation - 2 });
    const plan = planRound(round, [late, owner("a", [])]);
    expect(plan.get("a-id")).toMatchObject({ status: "complete" });
    expect(plan.get("a-id")!.tasks).toHaveLength(3);
    expect(plan.get("late-id")!.accepted).toBe(false);
  });

  test("[K38] who missed a round keeps what the leader knows that it still owned, without a break since it was there itself", () => {
    const late = owner("late", [0, 1], { generation: 7 });
    const planned = (owners: Parameters<typeof known>[1], of = generation - 1): boolean =>
      planRound({ ...round, known: known(of, owners) }, [owner("a", []), late]).get("late-id")!.accepted;
    expect(planned({ 0: ["late", 5], 1: ["late", 7] })).toBe(true);
    expect(planned({ 0: ["late", 5], 1: ["late", 8] })).toBe(false);
    expect(planned({ 0: ["late", 5], 1: ["a", 5] })).toBe(false);
    expect(planned({ 0: ["late", 5] })).toBe(false);
    expect(planned({ 0: ["late", 5], 1: ["late", 7] }, generation - 2)).toBe(false);
  });

  test("[K38] since when a task is owned is handed on from leader to leader, and begins anew with each owner", () => {
    const members = [owner("a", [0, 1, 4]), owner("b", [2])];
    const before = known(generation - 1, { 0: ["a", 3], 1: ["a", 9], 2: ["b", 6], 4: ["b", 4] });
    const plan = planRound({ ...round, known: before }, members).get("a-id")!;
    expect(plan.status).toBe("complete");
    expect(plan.since).toEqual([3, 9, 6, generation, generation - 1, generation]);
    expect(planRound(round, members).get("a-id")!.since).toEqual([9, 9, 9, generation, 9, generation]);
  });

  test("[K38] of two who say that they own a task one keeps it, and none is given more before the other has given it back", () => {
    const plan = planRound(round, [owner("a", [0, 1, 2]), owner("b", [2, 3])]);
    expect([...plan.values()].filter(({ tasks }) => tasks.includes(2))).toHaveLength(1);
    expect(plan.get("a-id")!.status).toBe("incomplete");
  });

  test("[K35] who comes with another topology, or is none of ours, is refused; the others go on without it", () => {
    const stranger = joined("x", { topology: "other" });
    const unreadable: JoinedMember = { memberId: "y-id", id: "y", metadata: undefined };
    const plan = planRound(round, [owner("a", all), stranger, unreadable]);
    expect(plan.get("a-id")).toMatchObject({ status: "complete", tasks: all, members: [{ id: "a", endpoint: "a:80" }] });
    expect(plan.get("x-id")).toMatchObject({ status: "refused", topology: list.hash, tasks: [] });
    expect(plan.get("y-id")).toMatchObject({ status: "refused", tasks: [] });
  });

  test("[K35] a leader of another topology refuses itself, and leaves all others what they have", () => {
    const members = [joined("leader"), owner("a", [7, 9], { topology: "older" }), owner("b", [8], { topology: "older" })];
    const plan = planRound({ ...round, leaderId: "leader-id" }, members);
    expect(plan.get("leader-id")).toMatchObject({ status: "refused", topology: "older" });
    expect(plan.get("a-id")).toMatchObject({ status: "incomplete", tasks: [7, 9] });
    expect(plan.get("b-id")).toMatchObject({ status: "incomplete", tasks: [8] });
  });

  test("[K33] any group comes to rest after two rounds, with every task given out and none taken from who keeps it", () => {
    const random = seededRandom("rounds");
    for (let turn = 0; turn < 200; turn++) {
      const count = 1 + Math.floor(random() * 5);
      const claimed = all.map(() => Math.floor(random() * (count + 1)));
      const names = Array.from({ length: count }, (_, m) => `m${m}`);
      const first = planRound(
        { ...round, leaderId: "m0-id" },
        names.map((name, m) => owner(name, all.filter((task) => claimed[task] === m))), // prettier-ignore
      );
      const told = names.map((name) => owner(name, first.get(`${name}-id`)!.tasks, { generation }));
      const second = planRound({ ...next(round), leaderId: "m0-id" }, told);
      expect([...second.values()].every(({ status }) => status === "complete")).toBe(true);
      expect([...second.values()].flatMap(({ tasks }) => tasks).toSorted((a, b) => a - b)).toEqual(all);
      for (const { memberId, metadata } of told) expect(second.get(memberId)!.tasks).toEqual(expect.arrayContaining([...metadata!.owned]));
    }
  });
});
