import { describe, expect, test } from "vitest";
import { splitTaskId, taskId, type TaskId } from "#broker/broker.ts";
import { seededRandom } from "#broker/conformance-harness.ts";
import { type AssignableMember, assignTasks } from "./assignor.ts";

type Shares = ReadonlyMap<string, readonly TaskId[]>;

const lines = (count: number): TaskId[] => Array.from({ length: count }, (_, i) => taskId("lines", i));
const member = (id: string, owned: readonly TaskId[] = [], held: readonly (readonly [TaskId, number])[] = []): AssignableMember => ({
  id,
  owned,
  held: new Map(held),
});

const range = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);
const kept = (members: readonly AssignableMember[], shares: Shares): number =>
  members.reduce((sum, { id, owned }) => sum + [...owned].filter((task) => shares.get(id)!.includes(task)).length, 0);

/** Every task once, and each member as many of all and of each sub-topology as any other, or one more. */
function expectEven(shares: Shares, tasks: readonly TaskId[]): void {
  expect([...shares.values()].flat().toSorted()).toEqual(tasks.toSorted());
  expect(range([...shares.values()].map((share) => share.length))).toBeLessThanOrEqual(1);
  for (const subTopology of new Set(tasks.map((task) => splitTaskId(task).subTopology))) {
    const counts = [...shares.values()].map((share) => share.filter((task) => splitTaskId(task).subTopology === subTopology).length);
    expect(range(counts)).toBeLessThanOrEqual(1);
  }
}

/** Members with random tasks and state; who owns what contradicts nobody. */
function randomGroup(random: () => number, size: { members: number; subTopologies: number; partitions: number }) {
  const tasks = Array.from({ length: 1 + Math.floor(random() * size.subTopologies) }, (_, s) =>
    Array.from({ length: 1 + Math.floor(random() * size.partitions) }, (__, i) => taskId(`s${s}`, i)),
  ).flat();
  const count = 1 + Math.floor(random() * size.members);
  const owners = new Map(tasks.map((task) => [task, Math.floor(random() * (count + 2))]));
  const members = Array.from({ length: count }, (_, m) =>
    member(
      `m${m}`,
      tasks.filter((task) => owners.get(task) === m),
      tasks.filter(() => random() < 0.3).map((task) => [task, Math.floor(random() ** 4 * 1e6)] as const),
    ),
  );
  return { members, tasks };
}

describe("assignor", () => {
  test("[K30] tasks and each sub-topology's tasks are shared evenly, for random groups", () => {
    const random = seededRandom("even");
    for (let round = 0; round < 300; round++) {
      const { members, tasks } = randomGroup(random, { members: 9, subTopologies: 6, partitions: 13 });
      expectEven(assignTasks(members, tasks), tasks);
    }
  });

  test("[K30] the answer depends neither on the order of the members nor on that of the tasks", () => {
    const random = seededRandom("order");
    for (let round = 0; round < 100; round++) {
      const { members, tasks } = randomGroup(random, { members: 6, subTopologies: 4, partitions: 8 });
      const shuffled = members.map(({ id, owned, held }) => member(id, [...owned].toReversed(), [...held].toReversed()));
      expect(assignTasks(shuffled.toReversed(), tasks.toReversed())).toEqual(assignTasks(members, tasks));
    }
  });

  test("[K31] what is even stays as it is, and a member more takes only what it must", () => {
    const tasks = lines(12);
    const three = assignTasks([member("a"), member("b"), member("c")], tasks);
    const settled = [...three].map(([id, owned]) => member(id, owned));
    expect(assignTasks(settled, tasks)).toEqual(three);
    const four = assignTasks([...settled, member("d")], tasks);
    expect(kept(settled, four)).toBe(9);
    const two = assignTasks(settled.slice(1), tasks);
    expect(kept(settled.slice(1), two)).toBe(8);
  });

  test("[K31] what moves in the first round of two is given out in the second, and nothing else moves", () => {
    const random = seededRandom("two rounds");
    for (let round = 0; round < 300; round++) {
      const { members, tasks } = randomGroup(random, { members: 7, subTopologies: 5, partitions: 12 });
      const target = assignTasks(members, tasks);
      const reduced = members.map(({ id, owned, held }) =>
        member(
          id,
          [...owned].filter((task) => target.get(id)!.includes(task)),
          [...held],
        ),
      );
      const second = assignTasks(reduced, tasks);
      for (const { id, owned } of reduced) expect(second.get(id)).toEqual(expect.arrayContaining([...owned]));
      const settled = [...second].map(([id, owned]) => member(id, owned));
      expect(assignTasks(settled, tasks)).toEqual(second);
    }
  });

  test("[K31] as many tasks as an even share allows stay where they are, by comparison with all shares there are", () => {
    const random = seededRandom("all shares");
    for (let round = 0; round < 150; round++) {
      const { members, tasks } = randomGroup(random, { members: 3, subTopologies: 3, partitions: 3 });
      if (members.length ** tasks.length > 3 ** 7) continue;
      const best = Math.max(...evenShares(members, tasks).map((shares) => kept(members, shares)));
      expect(kept(members, assignTasks(members, tasks))).toBe(best);
    }
  });

  test("[K32] a task without an owner goes to who has its state, least behind, as far as shares stay even", () => {
    const [first, second, third] = lines(3) as [TaskId, TaskId, TaskId];
    const behind = member("a", [], [[first, 900], [second, 5]]); // prettier-ignore
    const ahead = member("b", [], [[first, 10]]);
    const stranger = member("c");
    expect(assignTasks([behind, ahead, stranger], [first, second, third])).toEqual(
      new Map([["a", [second]], ["b", [first]], ["c", [third]]]), // prettier-ignore
    );
    expect(assignTasks([behind, ahead], [first]).get("b")).toEqual([first]);
  });

  test("[K32] the state of another goes before an owner's convenience only where shares are uneven", () => {
    const tasks = lines(2);
    const owner = member("a", tasks);
    const holder = member("b", [], [[tasks[0]!, 0]]);
    expect(assignTasks([owner, holder], tasks)).toEqual(new Map([["a", [tasks[1]!]], ["b", [tasks[0]!]]])); // prettier-ignore
    const content = [member("a", [tasks[0]!]), member("b", [tasks[1]!], [[tasks[0]!, 0]])];
    expect(assignTasks(content, tasks).get("a")).toEqual([tasks[0]!]);
  });

  test("[K32] with the same members kept, no share has less state behind it, by comparison with all shares there are", () => {
    const random = seededRandom("state");
    const cost = ({ owned, held }: AssignableMember, share: readonly TaskId[]): number =>
      share.reduce((sum, task) => {
        if ([...owned].includes(task)) return sum;
        const lag = held.get(task);
        return sum + (lag === undefined ? 2 ** 17 : Math.round(64 * Math.log2(1 + lag)));
      }, 0);
    for (let round = 0; round < 150; round++) {
      const { members, tasks } = randomGroup(random, { members: 3, subTopologies: 3, partitions: 3 });
      if (members.length ** tasks.length > 3 ** 7) continue;
      const total = (shares: Shares): number =>
        members.reduce((sum, each) => sum + cost(each, shares.get(each.id)!), -(2 ** 30) * kept(members, shares));
      expect(total(assignTasks(members, tasks))).toBe(Math.min(...evenShares(members, tasks).map(total)));
    }
  });

  test("[K30] members without tasks and a group without members or tasks are no error", () => {
    expect(assignTasks([], lines(2))).toEqual(new Map());
    expect(assignTasks([member("a")], [])).toEqual(new Map([["a", []]]));
    expect([...assignTasks([member("a"), member("b"), member("c")], lines(1)).values()].flat()).toEqual(lines(1));
  });

  test("[K30] 1000 tasks of 20 sub-topologies over 50 members are shared within 3 s of CPU", () => {
    const tasks = Array.from({ length: 20 }, (_, s) => Array.from({ length: 50 }, (__, i) => taskId(`s${s}`, i))).flat();
    const members = Array.from({ length: 49 }, (_, m) => member(`m${m}`));
    const settled = [...assignTasks(members, tasks)].map(([id, owned]) => member(id, owned, owned.map((task) => [task, 0] as const))); // prettier-ignore
    const begin = process.cpuUsage();
    const shares = assignTasks([...settled, member("new")], tasks);
    const { user, system } = process.cpuUsage(begin);
    expect((user + system) / 1000).toBeLessThan(3000);
    expectEven(shares, tasks);
  });
});

/** All ways to share the tasks evenly. */
function evenShares(members: readonly AssignableMember[], tasks: readonly TaskId[]): Shares[] {
  const found: Shares[] = [];
  for (let way = 0; way < members.length ** tasks.length; way++) {
    const shares = new Map<string, TaskId[]>(members.map(({ id }) => [id, []]));
    for (const [i, task] of tasks.entries()) shares.get(members[Math.floor(way / members.length ** i) % members.length]!.id)!.push(task);
    if (isEven(shares, tasks)) found.push(shares);
  }
  return found;
}

function isEven(shares: Shares, tasks: readonly TaskId[]): boolean {
  if (range([...shares.values()].map((share) => share.length)) > 1) return false;
  const subTopologies = [...new Set(tasks.map((task) => splitTaskId(task).subTopology))];
  return subTopologies.every(
    (name) => range([...shares.values()].map((share) => share.filter((task) => splitTaskId(task).subTopology === name).length)) <= 1,
  );
}
