import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Harness } from "./conformance-harness.ts";
import { textsIn } from "./conformance-harness.ts";
import { crashCommit, crashGroup, crashGroupTasks, crashTasks, crashTopic } from "./crash-scenario.ts";

export function crashLaws(open: () => Promise<Harness>): void {
  describe("crash", () => {
    let harness: Harness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const outputsOf = (number: number): string[] => crashTasks.map((_, i) => `output ${i} of ${number}`);
    const written = (last: number): string[] =>
      Array.from({ length: last }, (_, i) => i + 1).flatMap((number) => [...outputsOf(number), `mark of ${number}`]);

    async function expectAsOf(last: number, broker: Harness["broker"]): Promise<void> {
      const outputs = Array.from({ length: last }, (_, i) => outputsOf(i + 1)).flat();
      expect(await textsIn(broker, crashTopic, 0)).toEqual(["appended", ...outputs]);
      expect(await textsIn(broker, crashTopic, 1)).toEqual(outputs);
      expect(await textsIn(broker, crashTopic, 2)).toEqual(written(last));
      for (const [partition, checkpoint] of (await broker.committed(crashGroup, crashTasks)).entries()) {
        expect(checkpoint).toMatchObject({ number: BigInt(last), next: [{ topic: crashTopic, partition, offset: BigInt(last) }] });
        expect(Buffer.from(checkpoint.meta).toString()).toBe(`meta ${last}`);
      }
      for (const task of crashTasks) {
        expect(await harness.changesOf(task)).toEqual(Array.from({ length: last }, (_, i) => `store=change ${i + 1}`));
      }
    }

    test("[C15] a process killed at any step before `durable` leaves nothing of the commit, from then on all of it, and the next one goes on", async () => {
      const crash = harness.crash!;
      for (const step of [...crash.undoneAt, ...crash.doneAt]) {
        const broker = await crash.at(step);
        const done = crash.doneAt.includes(step);
        await expectAsOf(done ? 2 : 1, broker);
        expect(await broker.commit(crashCommit(2n, 1))).toMatchObject({ kind: "fenced" });
        let generation = 0;
        await broker.join(
          { group: crashGroup, member: "heir", tasks: crashGroupTasks },
          {
            assigned: async (_tasks, given) => void (generation = given),
            revoking: () => Promise.resolve(),
            lost: () => Promise.resolve(),
            ended: () => undefined,
          },
        );
        if (!done) expect(await broker.commit(crashCommit(2n, generation))).toMatchObject({ kind: "committed" });
        expect(await broker.commit(crashCommit(3n, generation))).toMatchObject({ kind: "committed" });
        await expectAsOf(3, broker);
      }
    });
  });
}
