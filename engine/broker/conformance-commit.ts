import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeOf } from "./change-texts.ts";
import type { Broker, Commit, CommitResult } from "./broker.ts";
import {
  at,
  atOnce,
  batchOf,
  expectCode,
  type Harness,
  orders,
  payments,
  readFrom,
  results,
  textsIn,
  topics,
} from "./conformance-harness.ts";
import { group, positionsOf, taskIds, TestMember } from "./conformance-member.ts";
import { earliest, taskId } from "./broker.ts";

const [firstTask, secondTask] = [taskIds[0]!, taskIds[1]!];

export function commitLaws(open: () => Promise<Harness>, keeps: "all" | "nothing"): void {
  describe("commit", () => {
    let harness: Harness;
    let broker: Broker;
    let member: TestMember;
    beforeEach(async () => {
      harness = await open();
      broker = harness.broker;
      await broker.ensureTopics(topics);
      member = await new TestMember().join(broker, "only");
    });
    afterEach(() => harness.close());

    const full = (number: bigint): Commit =>
      member.commitOf(firstTask, number, {
        next: [at(orders, 0, number), at(payments, 0, number * 2n)],
        meta: Buffer.from(`meta ${number}`),
        changes: [changeOf("counts", `c${number}`), changeOf("sums", `s${number}`)],
        outputs: [batchOf(results, 0, [`${number}.a`, `${number}.b`]), batchOf(results, 1, [`${number}.c`])],
      });

    /** `written` lies behind the last record of each of these partitions of `results`, and not behind its end. */
    async function expectWritten(result: CommitResult, partitions: readonly number[]): Promise<void> {
      const written = result.kind === "committed" ? result.written : [];
      expect(written.map(({ topic, partition }) => `${topic} ${partition}`).toSorted()).toEqual(
        partitions.map((partition) => `${results} ${partition}`),
      );
      for (const { topic, partition, offset } of written) {
        const { found, next } = await readFrom(broker, at(topic, partition, earliest));
        expect(offset).toBeGreaterThan(found.at(-1)!.offset);
        expect(offset).toBeLessThanOrEqual(next);
      }
    }

    /** Commits again after a lost answer, as long as the log does not say how it ended. */
    async function settled(commit: Commit): Promise<CommitResult> {
      for (let attempt = 0; ; attempt++) {
        const result = await broker.commit(commit).catch((error: unknown) => {
          if (attempt > 3) throw error;
          return undefined;
        });
        if (result !== undefined) return result;
      }
    }

    test("[C1] positions, meta, changes and outputs are there together, and `written` says where outputs end", async () => {
      const result = await broker.commit(full(1n));
      expect(await textsIn(broker, results, 0)).toEqual(["1.a", "1.b"]);
      expect(await textsIn(broker, results, 1)).toEqual(["1.c"]);
      expect(result).toMatchObject({ kind: "committed" });
      await expectWritten(result, [0, 1]);
      const [checkpoint] = await broker.committed(group, [firstTask]);
      expect(checkpoint).toMatchObject({ task: firstTask, number: 1n, next: [at(orders, 0, 1n), at(payments, 0, 2n)] });
      expect(Buffer.from(checkpoint!.meta).toString()).toBe("meta 1");
      expect(await harness.changesOf(firstTask)).toEqual(["counts=c1", "sums=s1"]);
    });

    test("[C1] a fetch during commits sees each of them wholly or not at all", async () => {
      const commits = 30;
      let running = true;
      const writer = (async () => {
        for (let number = 1n; number <= BigInt(commits); number++) {
          if (number % 4n === 0n) harness.loseNextAnswer("undone");
          const outputs = [0, 1, 2].flatMap((partition) => [
            batchOf(results, partition, [`${number}.a`, `${number}.b`]),
            batchOf(results, partition, [`${number}.c`]),
          ]);
          expect(await settled(member.commitOf(firstTask, number, { outputs }))).toMatchObject({ kind: "committed" });
        }
        running = false;
      })();
      while (running) {
        const answers = await broker.fetch(
          [0, 1, 2].map((partition) => at(results, partition, earliest)),
          atOnce,
        );
        const records = [0, 1, 2].map((partition) =>
          answers.filter((answer) => answer.partition === partition).reduce((sum, { count }) => sum + count, 0),
        );
        for (const count of records) expect(count % 3).toBe(0);
        if (harness.endsOfOneMoment) expect(new Set(records).size).toBe(1);
      }
      await writer;
      const expected = Array.from({ length: commits }, (_, i) => ["a", "b", "c"].map((part) => `${i + 1}.${part}`)).flat();
      for (const partition of [0, 1, 2]) expect(await textsIn(broker, results, partition)).toEqual(expected);
    });

    test("[C1] a commit wakes a waiting fetch", async () => {
      const [fetched] = await Promise.all([
        broker.fetch([at(results, 1, 0n)], { ...atOnce, maxWaitMs: 20_000 }),
        new Promise(setImmediate).then(() => broker.commit(full(1n))),
      ]);
      expect(fetched).toMatchObject([{ count: 1 }]);
    });

    test("[C1] a commit with an output for a topic that does not exist leaves nothing behind", async () => {
      const commit = full(1n);
      const broken = {
        ...commit,
        tasks: [{ ...commit.tasks[0]!, outputs: [...commit.tasks[0]!.outputs, batchOf("test.nowhere", 0, ["x"])] }],
      };
      await expectCode(broker.commit(broken), "BROKER_UNKNOWN_TOPIC");
      expect(await textsIn(broker, results, 0)).toEqual([]);
      expect(await broker.committed(group, [firstTask])).toMatchObject([{ number: 0n }]);
      expect(await broker.commit(commit)).toMatchObject({ kind: "committed" });
    });

    test("[C2] commits of several tasks stand or fall together", async () => {
      const second = member.commitOf(secondTask, 1n, { outputs: [batchOf(results, 0, ["second"])] });
      const both: Commit = { ...full(1n), tasks: [...full(1n).tasks, ...second.tasks] };
      expect(await broker.commit(both)).toMatchObject({ kind: "committed" });
      const odd: Commit = { ...full(2n), tasks: [...full(2n).tasks, ...member.commitOf(secondTask, 7n).tasks] };
      expect(await broker.commit(odd)).toMatchObject({ kind: "fenced" });
      expect(await broker.committed(group, [secondTask, firstTask])).toMatchObject([
        { task: secondTask, number: 1n },
        { task: firstTask, number: 1n },
      ]);
      expect(await textsIn(broker, results, 0)).toEqual(["1.a", "1.b", "second"]);
    });

    test("[C3] a commit without records or outputs counts: it moves the number, the meta and the state", async () => {
      expect(await broker.commit(full(1n))).toMatchObject({ kind: "committed" });
      const timerOnly = member.commitOf(firstTask, 2n, { next: await positionsOf(broker, firstTask), meta: Buffer.from("timer") });
      expect(await broker.commit(timerOnly)).toEqual({ kind: "committed", written: [] });
      const [checkpoint] = await broker.committed(group, [firstTask]);
      expect(checkpoint).toMatchObject({ number: 2n, next: [at(orders, 0, 1n), at(payments, 0, 2n)] });
      expect(Buffer.from(checkpoint!.meta).toString()).toBe("timer");
    });

    test("[C4] the same commit again is answered as the first time and done once", async () => {
      const commit = full(1n);
      const [first, second] = await Promise.all([broker.commit(commit), broker.commit(commit)]);
      expect(first).toMatchObject({ kind: "committed" });
      expect(second).toEqual(first);
      expect(await broker.commit(commit)).toEqual(first);
      const bare = member.commitOf(firstTask, 2n, { outputs: [batchOf(results, 0, ["bare"])] });
      const again = await Promise.all([broker.commit(bare), broker.commit(bare), broker.commit(bare)]);
      expect(again[0]).toMatchObject({ kind: "committed" });
      expect(again).toEqual([again[0], again[0], again[0]]);
      expect(await textsIn(broker, results, 0)).toEqual(["1.a", "1.b", "bare"]);
      expect(await harness.changesOf(firstTask)).toEqual(["counts=c1", "sums=s1"]);
    });

    test("[C4] a number that does not follow the last one is fenced, and so is another commit under the last number", async () => {
      expect(await broker.commit(full(2n))).toMatchObject({ kind: "fenced" });
      expect(await broker.commit(full(1n))).toMatchObject({ kind: "committed" });
      expect(await broker.commit(full(2n))).toMatchObject({ kind: "committed" });
      expect(await broker.commit(full(1n))).toMatchObject({ kind: "fenced" });
      expect(await broker.commit(full(4n))).toMatchObject({ kind: "fenced" });
      const other = member.commitOf(firstTask, 2n, { outputs: [batchOf(results, 0, ["other"])] });
      expect(await broker.commit(other)).toMatchObject({ kind: "fenced" });
      expect(await textsIn(broker, results, 0)).toEqual(["1.a", "1.b", "2.a", "2.b"]);
    });

    for (const outcome of ["undone", "done"] as const) {
      test(`[C5] a lost answer is settled by the number: the commit was ${outcome}, and is there once`, async () => {
        expect(await broker.commit(full(1n))).toMatchObject({ kind: "committed" });
        harness.loseNextAnswer(outcome);
        const result = await settled(full(2n));
        expect(result).toMatchObject({ kind: "committed" });
        expect(await textsIn(broker, results, 0)).toEqual(["1.a", "1.b", "2.a", "2.b"]);
        expect(await harness.changesOf(firstTask)).toEqual(["counts=c1", "sums=s1", "counts=c2", "sums=s2"]);
        await expectWritten(result, [0, 1]);
        expect(await broker.commit(full(3n))).toMatchObject({ kind: "committed" });
      });
    }

    test("[C6] marks lie behind all outputs of all tasks and keep their kind", async () => {
      const second = member.commitOf(secondTask, 1n, { outputs: [batchOf(results, 0, ["second"])] });
      const watermarks = [batchOf(results, 0, ["mark"], "watermarks"), batchOf(results, 2, ["mark"], "watermarks")];
      const result = await broker.commit({ ...full(1n), tasks: [...full(1n).tasks, ...second.tasks], watermarks });
      const { found } = await readFrom(broker, at(results, 0, earliest));
      expect(found.map(({ text, kind }) => [text, kind])).toEqual([
        ["1.a", "records"],
        ["1.b", "records"],
        ["second", "records"],
        ["mark", "watermarks"],
      ]);
      expect((await readFrom(broker, at(results, 2, earliest))).found).toMatchObject([{ text: "mark", kind: "watermarks" }]);
      await expectWritten(result, [0, 1, 2]);
    });

    test("[C7] tasks that never committed have number 0, no positions, no meta; groups do not see each other", async () => {
      await broker.commit(full(1n));
      const unknown = taskId("nobody", 9);
      const nothing = { number: 0n, next: [], meta: new Uint8Array(0) };
      expect(await broker.committed(group, [unknown])).toEqual([{ task: unknown, ...nothing }]);
      expect(await broker.committed("another-group", [firstTask])).toEqual([{ task: firstTask, ...nothing }]);
    });

    test("[C7] `committed` waits for the commit under way", async () => {
      const under = broker.commit(full(1n));
      expect(await broker.committed(group, [firstTask])).toMatchObject([{ number: 1n }]);
      await under;
    });

    if (keeps === "all") {
      test("[C8] checkpoints, changes and outputs are there when the log is opened again; the old generation is not", async () => {
        await broker.commit(full(1n));
        broker = await harness.reopen!();
        // Who has not made the commit sees it when every part of the log shows it.
        const shown = { timeout: 10_000 };
        const next = [at(orders, 0, 1n), at(payments, 0, 2n)];
        await expect.poll(() => broker.committed(group, [firstTask]), shown).toMatchObject([{ number: 1n, next }]);
        expect(await harness.changesOf(firstTask)).toEqual(["counts=c1", "sums=s1"]);
        await expect.poll(() => textsIn(broker, results, 0), shown).toEqual(["1.a", "1.b"]);
        const zombie = full(2n);
        expect(await broker.commit(zombie)).toMatchObject({ kind: "fenced" });
        const before = member.generation;
        await member.join(broker, "only");
        expect(member.generation).toBeGreaterThan(before);
        expect(await broker.commit(zombie)).toMatchObject({ kind: "fenced" });
        expect(await broker.commit(full(2n))).toMatchObject({ kind: "committed" });
      });
    }
  });
}
