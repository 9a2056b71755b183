import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeOf } from "./change-texts.ts";
import type { Broker } from "./broker.ts";
import { batchOf, type Harness, results, textsIn, topics } from "./conformance-harness.ts";
import { group, positionsOf, shared, taskIds, TestMember, until } from "./conformance-member.ts";

export function groupLaws(open: () => Promise<Harness>): void {
  describe("group", () => {
    let harness: Harness;
    let broker: Broker;
    beforeEach(async () => {
      harness = await open();
      broker = harness.broker;
      await broker.ensureTopics(topics);
    });
    afterEach(() => harness.close());

    test("[C9] the first `assigned` comes before `join` settles, with all tasks and a generation", async () => {
      const member = await new TestMember().join(broker, "a");
      expect(member.told).toEqual(["assigned 3"]);
      expect(member.tasks).toEqual(taskIds);
      expect(member.generation).toBeGreaterThan(0);
    });

    test("[C9] members share the tasks evenly, each task has one owner, and nobody loses one for nothing", async () => {
      const first = await new TestMember().join(broker, "a");
      const second = await new TestMember().join(broker, "b");
      await shared(first, second);
      expect(first.told).toEqual(["assigned 3", "revoking 1", "revoked 1", "assigned 2"]);
      expect(second.told).toEqual(["assigned 1"]);
      const [kept] = second.tasks;
      const third = await new TestMember().join(broker, "c");
      await shared(first, second, third);
      await until(() => second.told.length === 2, "the second is told of the third");
      expect(second.tasks).toEqual([kept]);
      expect(second.told).toEqual(["assigned 1", "assigned 1"]);
      const fourth = await new TestMember().join(broker, "d");
      expect(fourth.tasks).toEqual([]);
      await shared(first, second, third);
    });

    test("[C10] a commit of an older generation is fenced and leaves nothing, also one that a timer made", async () => {
      const member = await new TestMember().join(broker, "a");
      const task = member.tasks[0]!;
      expect(await broker.commit(member.commitOf(task, 1n))).toMatchObject({ kind: "committed" });
      const zombies = [
        member.commitOf(task, 2n, { outputs: [batchOf(results, 0, ["zombie"])], changes: [changeOf("s", "zombie")] }),
        member.commitOf(task, 2n, { next: await positionsOf(broker, task) }),
      ];
      const { generation } = member;
      await new TestMember().join(broker, "b");
      await until(() => member.generation > generation, "the first is told of the second");
      for (const zombie of zombies) expect(await broker.commit(zombie)).toMatchObject({ kind: "fenced" });
      expect(await textsIn(broker, results, 0)).toEqual([]);
      expect(await harness.changesOf(task)).toEqual([]);
      expect(await broker.committed(group, [task])).toMatchObject([{ number: 1n }]);
    });

    test("[C10] a generation that never was, a group that nobody joined, and tasks of two members in one commit are fenced", async () => {
      const stranger = new TestMember().commitOf(taskIds[0]!, 1n);
      expect(await broker.commit(stranger)).toMatchObject({ kind: "fenced" });
      const first = await new TestMember().join(broker, "a");
      const second = await new TestMember().join(broker, "b");
      await shared(first, second);
      const ahead = { ...first.commitOf(first.tasks[0]!, 1n), generation: first.generation + 1 };
      expect(await broker.commit(ahead)).toMatchObject({ kind: "fenced" });
      const mixed = first.commitOf(first.tasks[0]!, 1n);
      const both = { ...mixed, tasks: [...mixed.tasks, ...second.commitOf(second.tasks[0]!, 1n).tasks] };
      expect(await broker.commit(both)).toMatchObject({ kind: "fenced" });
      expect(await broker.committed(group, taskIds)).toMatchObject(taskIds.map(() => ({ number: 0n })));
    });

    test("[C11] who must give tasks back commits them while it is asked; the new owner begins behind that commit", async () => {
      const first = await new TestMember().join(broker, "a");
      const said: string[] = [];
      first.onRevoking = async (revoked) => {
        for (const task of revoked)
          said.push((await broker.commit(first.commitOf(task, 1n, { outputs: [batchOf(results, 0, [task])] }))).kind);
      };
      const second = await new TestMember().join(broker, "b");
      await shared(first, second);
      expect(said).toEqual(["committed"]);
      expect(await textsIn(broker, results, 0)).toEqual([...second.tasks]);
      const [checkpoint] = await broker.committed(group, second.tasks);
      expect(checkpoint!.number).toBe(1n);
      expect(await broker.commit(second.commitOf(second.tasks[0]!, 2n))).toMatchObject({ kind: "committed" });
      expect(await broker.commit(first.commitOf(first.tasks[0]!, 1n))).toMatchObject({ kind: "committed" });
    });

    test("[C11] a commit that is under way when a member joins is settled, wholly, before the tasks change hands", async () => {
      const first = await new TestMember().join(broker, "a");
      const outputs = [0, 1, 2].map((partition) => batchOf(results, partition, ["under way"]));
      const under = taskIds.map((task) => broker.commit(first.commitOf(task, 1n, { outputs })));
      const second = await new TestMember().join(broker, "b");
      await shared(first, second);
      const kinds = (await Promise.all(under)).map(({ kind }) => kind);
      const checkpoints = await broker.committed(group, taskIds);
      const committed = kinds.filter((kind) => kind === "committed").length;
      expect(checkpoints.map(({ number }) => number)).toEqual(kinds.map((kind) => (kind === "committed" ? 1n : 0n)));
      for (const partition of [0, 1, 2]) expect(await textsIn(broker, results, partition)).toHaveLength(committed);
      const [moved] = second.tasks;
      const number = checkpoints.find(({ task }) => task === moved)!.number + 1n;
      expect(await broker.commit(second.commitOf(moved!, number))).toMatchObject({ kind: "committed" });
    });

    test("[C12] a member that joins again under its name takes over; the earlier one has lost everything, is told that it is over, and is fenced", async () => {
      const before = await new TestMember().join(broker, "a");
      const zombie = before.commitOf(taskIds[0]!, 1n);
      const after = await new TestMember().join(broker, "a");
      expect(after.tasks).toEqual(taskIds);
      expect(after.generation).toBeGreaterThan(before.generation);
      expect(await broker.commit(zombie)).toMatchObject({ kind: "fenced" });
      expect(before.told).toEqual(["assigned 3", "lost 3", "ended"]);
      await before.leave();
      expect(await broker.commit(after.commitOf(taskIds[0]!, 1n))).toMatchObject({ kind: "committed" });
    });

    test("[C13] who leaves is asked to commit first; the others take over, and what it sends later is fenced", async () => {
      const first = await new TestMember().join(broker, "a");
      const second = await new TestMember().join(broker, "b");
      await shared(first, second);
      let last = "";
      second.onRevoking = async ([task]) => void (last = (await broker.commit(second.commitOf(task!, 1n))).kind);
      const [task] = second.tasks;
      await second.leave();
      expect(last).toBe("committed");
      await shared(first);
      expect(await broker.commit(second.commitOf(task!, 2n))).toMatchObject({ kind: "fenced" });
      expect(await broker.commit(first.commitOf(task!, 2n))).toMatchObject({ kind: "committed" });
      await first.leave();
      expect(await broker.commit(first.commitOf(task!, 3n))).toMatchObject({ kind: "fenced" });
      await second.leave();
    });

    test("[C14] members that come and go at the same time end with one owner a task, who can commit", async () => {
      const members = Array.from({ length: 5 }, () => new TestMember());
      await Promise.all(members.map((member, i) => member.join(broker, `m${i}`)));
      await Promise.all([
        members[0]!.leave(),
        members[3]!.leave(),
        new TestMember().join(broker, "late").then((late) => members.push(late)),
      ]);
      const staying = members.filter((_, i) => i !== 0 && i !== 3);
      await shared(...staying);
      for (const member of staying)
        for (const task of member.tasks) expect(await broker.commit(member.commitOf(task, 1n))).toMatchObject({ kind: "committed" });
      for (const { told } of members) {
        for (const [i, event] of told.entries())
          if (event.startsWith("revoking")) expect(told[i + 1]).toBe(event.replace("revoking", "revoked"));
      }
    });
  });
}
