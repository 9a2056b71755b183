import { fdatasync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { earliest } from "#broker/broker.ts";
import { at, atOnce, batchOf, expectCode, orders, results, textsIn, topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import type { EmbeddedBroker } from "./embedded-broker.ts";
import { type EmbeddedHarness, openHarness } from "./embedded-harness.ts";

/** A disk that is waited for until `goOn` is called, or that fails. */
class Disk {
  readonly #held: (() => void)[] = [];
  #holds = false;
  failure: Error | null = null;
  asked = 0;

  readonly wait = (fd: number, done: (error: Error | null) => void): void => {
    this.asked += 1;
    const end = (): void => (this.failure === null ? fdatasync(fd, done) : done(this.failure));
    if (this.#holds) this.#held.push(end);
    else end();
  };

  hold(): void {
    this.#holds = true;
  }

  goOn(): void {
    this.#holds = false;
    for (const end of this.#held.splice(0)) end();
  }
}

let disk: Disk;
let harness: EmbeddedHarness;
let broker: EmbeddedBroker;
beforeEach(async () => {
  disk = new Disk();
  harness = openHarness("file", { waitForDisk: disk.wait });
  ({ broker } = harness);
  await broker.ensureTopics(topics);
});
afterEach(async () => {
  disk.goOn();
  await harness.close();
});

/** Many turns of the event loop: whatever does not wait for the disk has happened behind them. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
}

const endOf = async (topic: string): Promise<bigint> => (await broker.fetch([at(topic, 0, earliest)], atOnce))[0]!.end;

test("[L11] an append is neither answered nor shown before the disk has it", async () => {
  disk.hold();
  let answered = false;
  const append = broker.append([batchOf(orders, 0, ["a"])]).finally(() => (answered = true));
  await turns();
  expect(answered).toBe(false);
  expect(await textsIn(broker, orders, 0)).toEqual([]);
  expect(await endOf(orders)).toBe(0n);
  await expectCode(broker.fetch([at(orders, 0, 1n)], atOnce), "BROKER_OFFSET_OUT_OF_RANGE");
  disk.goOn();
  expect(await append).toMatchObject([{ kind: "appended", at: at(orders, 0, 0n) }]);
  expect(await textsIn(broker, orders, 0)).toEqual(["a"]);
});

test("[L11] what comes while the disk is waited for is written behind it, and shares the next waiting", async () => {
  disk.hold();
  const first = broker.append([batchOf(orders, 0, ["a"])]);
  await turns();
  const before = disk.asked;
  const later = ["b", "c", "d"].map(async (text) => {
    const [result] = await broker.append([batchOf(orders, 0, [text])]);
    return result;
  });
  await turns();
  expect(disk.asked).toBe(before);
  disk.goOn();
  await first;
  expect(await Promise.all(later)).toMatchObject([1n, 2n, 3n].map((offset) => ({ kind: "appended", at: at(orders, 0, offset) })));
  expect(disk.asked).toBe(before + 1);
  expect(await textsIn(broker, orders, 0)).toEqual(["a", "b", "c", "d"]);
});

test("[C1] [C4] a group's next commit is judged by the one that the disk is waited for; nothing of either shows before", async () => {
  const member = await new TestMember().join(broker, "only");
  disk.hold();
  const answers = [1n, 2n].map((number) =>
    broker.commit(member.commitOf(taskIds[0]!, number, { outputs: [batchOf(results, 0, [`of ${number}`])] })),
  );
  const again = broker.commit(member.commitOf(taskIds[0]!, 2n, { outputs: [batchOf(results, 0, ["of 2"])] }));
  await turns();
  expect(await endOf(results)).toBe(0n);
  disk.goOn();
  expect(await Promise.all(answers)).toMatchObject([{ kind: "committed" }, { kind: "committed" }]);
  expect(await again).toEqual(await answers[1]);
  expect(await textsIn(broker, results, 0)).toEqual(["of 1", "of 2"]);
});

test("[C7] who asks for what is committed while the disk is waited for hears of it when it is durable", async () => {
  const member = await new TestMember().join(broker, "only");
  disk.hold();
  const commit = broker.commit(member.commitOf(taskIds[0]!, 1n));
  await turns();
  // It waits for the disk itself.
  expect(await broker.committed(group, [taskIds[0]!])).toMatchObject([{ number: 1n }]);
  expect(await commit).toMatchObject({ kind: "committed" });
});

test("[L10] closing finishes what the disk is waited for", async () => {
  disk.hold();
  const append = broker.append([batchOf(orders, 0, ["a"])]);
  await turns();
  const closed = broker.close();
  expect(await append).toMatchObject([{ kind: "appended" }]);
  disk.goOn();
  await closed;
  expect(await textsIn(await harness.reopen!(), orders, 0)).toEqual(["a"]);
});

test("[L17] when the disk fails while it is waited for, nothing of it is answered for or shown, and no later write either", async () => {
  await broker.append([batchOf(orders, 0, ["before"])]);
  const member = await new TestMember().join(broker, "only");
  disk.failure = new Error("EIO");
  const perhaps = [{ kind: "retry", uncertain: true, reason: expect.stringContaining("disk failed") as unknown }];
  expect(await broker.append([batchOf(orders, 0, ["a"])])).toMatchObject(perhaps);
  disk.failure = null;
  expect(await broker.append([batchOf(orders, 0, ["b"])])).toMatchObject(perhaps);
  await expectCode(broker.commit(member.commitOf(taskIds[0]!, 1n, { outputs: [batchOf(results, 0, ["c"])] })), "BROKER_IO");
  expect(await textsIn(broker, orders, 0)).toEqual(["before"]);
  expect(await endOf(results)).toBe(0n);
});
