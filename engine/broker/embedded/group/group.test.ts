import { afterEach, beforeEach, expect, test } from "vitest";
import { topics } from "#broker/conformance-harness.ts";
import { taskIds, TestMember } from "#broker/conformance-member.ts";
import { type EmbeddedHarness, openHarness } from "#broker/embedded/embedded-harness.ts";

let harness: EmbeddedHarness;
beforeEach(async () => {
  harness = openHarness("memory", { revokeTimeoutMs: 20 });
  await harness.broker.ensureTopics(topics);
});
afterEach(() => harness.close());

test("[C16] who does not give tasks back in time loses them: the others go on, and it hears of it when its hook has ended", async () => {
  const { broker } = harness;
  const slow = await new TestMember().join(broker, "slow");
  const { promise: stuck, resolve: unstick } = Promise.withResolvers<void>();
  slow.onRevoking = () => stuck;
  const zombie = slow.commitOf(slow.tasks[0]!, 1n);
  const second = await new TestMember().join(broker, "second");
  expect(second.tasks).toHaveLength(1);
  expect(await broker.commit(second.commitOf(second.tasks[0]!, 1n))).toMatchObject({ kind: "committed" });
  expect(slow.told).toEqual(["assigned 3", "revoking 1"]);
  expect(await broker.commit(zombie)).toMatchObject({ kind: "fenced" });
  unstick();
  await expect.poll(() => slow.told).toEqual(["assigned 3", "revoking 1", "revoked 1", "lost 1", "assigned 2"]);
  expect(await broker.commit(slow.commitOf(slow.tasks[0]!, 1n))).toMatchObject({ kind: "committed" });
});

test("[C16] a member whose revoke fails has lost the tasks", async () => {
  const { broker } = harness;
  const failing = await new TestMember().join(broker, "failing");
  failing.onRevoking = () => Promise.reject(new Error("cannot commit"));
  const second = await new TestMember().join(broker, "second");
  expect(second.tasks).toHaveLength(1);
  await expect.poll(() => failing.told).toEqual(["assigned 3", "revoking 1", "lost 1", "assigned 2"]);
});

test("[C16] a member that cannot take its tasks does not join, and the others have them", async () => {
  const { broker } = harness;
  const first = await new TestMember().join(broker, "first");
  const hooks = {
    assigned: () => Promise.reject(new Error("no memory")),
    revoking: () => Promise.resolve(),
    lost: () => Promise.resolve(),
    ended: () => undefined,
  };
  const tasks = taskIds.map((task) => ({ task, inputs: [] }));
  await expect(broker.join({ group: "test-group", member: "broken", tasks }, hooks)).rejects.toThrow("no memory");
  expect(first.tasks).toEqual(taskIds);
  expect(await broker.commit(first.commitOf(taskIds[2]!, 1n))).toMatchObject({ kind: "committed" });
});

test("[C11] a commit that was called before a member joins is done under the generation that it has", async () => {
  const { broker } = harness;
  const first = await new TestMember().join(broker, "first");
  const second = new TestMember().join(broker, "second");
  // One turn of promises later the tasks are about to change hands, and nothing was written yet.
  const under = Promise.resolve().then(() => broker.commit(first.commitOf(taskIds[0]!, 1n)));
  await second;
  expect(await under).toMatchObject({ kind: "committed" });
});
