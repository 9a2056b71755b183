import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CrashSteps, Harness } from "./conformance-harness.ts";
import { textsIn } from "./conformance-harness.ts";
import { crashCommit, crashGroup, crashGroupTasks, crashTasks, crashTopic } from "./crash-scenario.ts";

/** Brokers tell a commit's end before every reader sees it: a process that did not commit itself cannot know what is on its way. */
const shownWithinMs = 20_000;

export function crashLaws(open: () => Promise<Harness>, { undoneAt, doneAt }: CrashSteps): void {
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
      const all = [["appended", ...outputs], outputs, written(last)];
      for (const [partition, texts] of all.entries())
        await expect.poll(() => textsIn(broker, crashTopic, partition), { timeout: shownWithinMs }).toEqual(texts);
      for (const [partition, checkpoint] of (await broker.committed(crashGroup, crashTasks)).entries()) {
        expect(checkpoint).toMatchObject({ number: BigInt(last), next: [{ topic: crashTopic, partition, offset: BigInt(last) }] });
        expect(Buffer.from(checkpoint.meta).toString()).toBe(`meta ${last}`);
      }
      for (const task of crashTasks) {
        expect(await harness.changesOf(task)).toEqual(Array.from({ length: last }, (_, i) => `store=change ${i + 1}`));
      }
    }

    for (const step of [...undoneAt, ...doneAt]) {
      const done = doneAt.includes(step);
      test(`[C15] a process killed at the step "${step}" leaves ${done ? "all" : "nothing"} of the commit, and the next one goes on`, async () => {
        const broker = await harness.crashAt!(step);
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
      });
    }
  });
}
