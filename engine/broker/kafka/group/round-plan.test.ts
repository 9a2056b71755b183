import { describe, expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { tasksOf } from "./group-harness.ts";
import type { MemberMetadata } from "./member-metadata.ts";
import { type JoinedMember, planRound } from "./round-plan.ts";
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

const all = [0, 1, 2, 3, 4, 5];

describe("plan of a round", () => {
  test("[K33] free tasks are given out at once, and every member is told who owns what", () => {
    const plan = planRound(generation, list, [joined("a"), joined("b")], "a-id");
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
    const plan = planRound(generation, list, [owner("a", all), joined("b")], "a-id");
    const kept = plan.get("a-id")!.tasks;
    expect(kept).toHaveLength(3);
    expect(plan.get("a-id")!.status).toBe("incomplete");
    expect(plan.get("b-id")).toMatchObject({ status: "incomplete", tasks: [] });
    expect(plan.get("b-id")!.owners).toEqual([0, 0, 0, 0, 0, 0]);
    const next = planRound(generation + 1, list, [owner("a", kept, { generation }), joined("b", { generation })], "a-id");
    expect(next.get("a-id")).toMatchObject({ status: "complete", tasks: kept });
    expect(next.get("b-id")!.tasks).toEqual(all.filter((task) => !kept.includes(task)));
  });

  test("[K38] who was not in the generation before has no say: its tasks are free, and nobody waits for it to give them back", () => {
    const late = owner("late", all, { generation: generation - 2 });
    const plan = planRound(generation, list, [late, owner("a", [])], "a-id");
    expect(plan.get("a-id")).toMatchObject({ status: "complete" });
    expect(plan.get("a-id")!.tasks).toHaveLength(3);
  });

  test("[K38] of two who say that they own a task one keeps it, and none is given more before the other has given it back", () => {
    const plan = planRound(generation, list, [owner("a", [0, 1, 2]), owner("b", [2, 3])], "a-id");
    expect([...plan.values()].filter(({ tasks }) => tasks.includes(2))).toHaveLength(1);
    expect(plan.get("a-id")!.status).toBe("incomplete");
  });

  test("[K35] who comes with another topology, or is none of ours, is refused; the others go on without it", () => {
    const stranger = joined("x", { topology: "other" });
    const unreadable: JoinedMember = { memberId: "y-id", id: "y", metadata: undefined };
    const plan = planRound(generation, list, [owner("a", all), stranger, unreadable], "a-id");
    expect(plan.get("a-id")).toMatchObject({ status: "complete", tasks: all, members: [{ id: "a", endpoint: "a:80" }] });
    expect(plan.get("x-id")).toMatchObject({ status: "refused", topology: list.hash, tasks: [] });
    expect(plan.get("y-id")).toMatchObject({ status: "refused", tasks: [] });
  });

  test("[K35] a leader of another topology refuses itself, and leaves all others what they have", () => {
    const members = [joined("leader"), owner("a", [7, 9], { topology: "older" }), owner("b", [8], { topology: "older" })];
    const plan = planRound(generation, list, members, "leader-id");
    expect(plan.get("leader-id")).toMatchObject({ status: "refused", topology: "older" });
    expect(plan.get("a-id")).toMatchObject({ status: "incomplete", tasks: [7, 9] });
    expect(plan.get("b-id")).toMatchObject({ status: "incomplete", tasks: [8] });
  });

  test("[K33] any group comes to rest after two rounds, with every task given out and none taken from who keeps it", () => {
    const random = seededRandom("rounds");
    for (let round = 0; round < 200; round++) {
      const count = 1 + Math.floor(random() * 5);
      const claimed = all.map(() => Math.floor(random() * (count + 1)));
      const names = Array.from({ length: count }, (_, m) => `m${m}`);
      const first = planRound(
        generation,
        list,
        names.map((name, m) => owner(name, all.filter((task) => claimed[task] === m))), // prettier-ignore
        "m0-id",
      );
      const told = names.map((name) => owner(name, first.get(`${name}-id`)!.tasks, { generation }));
      const second = planRound(generation + 1, list, told, "m0-id");
      expect([...second.values()].every(({ status }) => status === "complete")).toBe(true);
      expect([...second.values()].flatMap(({ tasks }) => tasks).toSorted((a, b) => a - b)).toEqual(all);
      for (const { memberId, metadata } of told) expect(second.get(memberId)!.tasks).toEqual(expect.arrayContaining([...metadata!.owned]));
    }
  });
});
