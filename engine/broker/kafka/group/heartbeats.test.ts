import { heartbeatV4 } from "@platformatic/kafka";
import { afterEach, expect, test } from "vitest";
import { clusterSettings, describeKafka, openClient, until } from "#broker/kafka/proving/kafka-test.ts";
import { tasksOf, TestGroup } from "./group-harness.ts";

/** Nothing else runs on this thread for so long: no timer, no socket. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describeKafka("heartbeats", () => {
  let group: TestGroup;
  afterEach(() => group.close());

  test("[K44] a member whose thread is busy for longer than its session stays in the group", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 2 }), sessionTimeoutMs: 1000 });
    const busy = await group.member("a").join();
    await until(() => busy.group.heartbeats.worker, 15_000, "the thread");
    const { identity } = busy.group;
    block(3500);
    // Another one joins: it is the coordinator's list of members that tells who was thrown out.
    const other = await group.member("b").join();
    await until(() => busy.generation === other.generation, 15_000, "one generation");
    expect(busy.group.identity!.memberId).toBe(identity!.memberId);
    expect(busy.group.identity!.generationId).toBe(identity!.generationId + 2);
    expect(busy.told).toEqual(["assigned 2", "revoking 1", "revoked 1", "assigned 1"]);
  });

  test("[K44] a member whose thread is busy for longer than it may be is thrown out, and joins again when it has time", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 2 }), sessionTimeoutMs: 1000, maxPollMs: 1000 });
    const busy = await group.member("a").join();
    await until(() => busy.group.heartbeats.worker, 15_000, "the thread");
    block(4000);
    await until(() => busy.told.length === 3, 15_000, "assigned again");
    expect(busy.told).toEqual(["assigned 2", "lost 2", "assigned 2"]);
  });

  test("[K44] a thread that has not begun yet takes over by itself while the member's thread is busy", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 2 }), sessionTimeoutMs: 6000 });
    const busy = await group.member("a").join();
    expect(busy.group.heartbeats.worker).toBeUndefined();
    block(8000);
    const client = openClient("heartbeat");
    const { generationId, memberId } = busy.group.identity!;
    const node = await client.coordinator("group", group.name);
    await client.ask(node, heartbeatV4.api, [group.name, generationId, memberId, "a"], "heartbeat");
    expect(busy.told).toEqual(["assigned 2"]);
  });

  test("[K45] a heartbeat thread that dies is replaced, and the member stays in the group", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 2 }), sessionTimeoutMs: 2000 });
    const member = await group.member("a").join();
    const { heartbeats, identity } = member.group;
    const first = await until(() => heartbeats.worker, 15_000, "the thread");
    await first.terminate();
    const second = await until(() => heartbeats.worker !== first && heartbeats.worker, 15_000, "another thread");
    block(3500);
    const other = await group.member("b").join();
    await until(() => member.generation === other.generation, 15_000, "one generation");
    expect(member.group.identity!.memberId).toBe(identity!.memberId);
    expect(second.threadId).not.toBe(first.threadId);
    expect(member.told.filter((told) => told.startsWith("lost"))).toEqual([]);
  });

  test("[K45] settings that no thread can be given keep the heartbeats on this one", async () => {
    const cluster = { ...clusterSettings(), via: (address: { readonly host: string; readonly port: number }) => address };
    group = new TestGroup({ tasks: tasksOf({ lines: 2 }), sessionTimeoutMs: 1000, cluster });
    const member = await group.member("a").join();
    const other = await group.member("b").join();
    await until(() => member.generation === other.generation, 15_000, "one generation");
    const began = performance.now();
    await until(() => performance.now() - began > 2500, 15_000, "two sessions and a half");
    expect(member.group.heartbeats.worker).toBeUndefined();
    expect([member.told, other.told]).toEqual([["assigned 2", "revoking 1", "revoked 1", "assigned 1"], ["assigned 1"]]);
  });
});
