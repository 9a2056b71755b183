import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Broker } from "#broker/broker.ts";
import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { transactionSteps } from "#broker/kafka/transaction/transaction.ts";
import { type TestProcess, testProcesses } from "#state/kafka/test-processes.ts";
import { LetterDesk } from "#delivery/letter-desk.ts";
import type { LetterPlace } from "#delivery/letter-place.ts";
import { readLetters } from "#delivery/read-letters.ts";
import { at, idOf, Shop } from "./letter-shop.ts";
import { post, recordsOf, startWorkerOn } from "./worker-bench.ts";

const never = new AbortController().signal;
const soon = (holds: () => Promise<void>): Promise<void> => vi.waitFor(holds, { timeout: 20_000, interval: 20 });

/** Letters of a worker that is gone meanwhile, whose node is mended now. */
async function lettersOf(shop: Shop, { broker, storage }: TestProcess, count: number): Promise<void> {
  await broker.ensureTopics(shop.plan.topics);
  await startWorkerOn({ plan: shop.plan, broker, storage }, { commitMs: 20 });
  await post(
    broker,
    shop.plan,
    Array.from({ length: count }, (_, i) => at(i, `k${i % 3}`, { id: `${i}`, bad: true })),
  );
  await soon(async () => expect(await recordsOf(broker, shop.plan, "in.dlq")).toHaveLength(count));
  shop.mended = true;
}

function deskOf(shop: Shop, broker: Broker): LetterDesk {
  const desk = new LetterDesk({ broker, plan: shop.plan, clock: Date.now });
  onTestFinished(() => desk.close());
  return desk;
}

/** What came back, in its order. */
const cameBack = async (shop: Shop, broker: Broker): Promise<readonly number[]> =>
  (await recordsOf(broker, shop.plan, "in")).filter(({ headers }) => headers["redrive"] !== undefined).map((one) => Number(idOf(one)));

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function killedAt(step: string, prefix: string): Promise<void> {
  const program = join(import.meta.dirname, "settling-process.ts");
  const child = spawn(process.execPath, [program, prefix, step], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`not killed at ${step}: ${said}`);
}

describeKafka("letters on Kafka, settled in the midst of trouble", { timeout: 240_000 }, () => {
  test("[RD1] [RD4] a process that is killed at any step has settled its letters whole or not at all, and the next one goes on at once", async () => {
    const shop = new Shop(1);
    const { prefix, open } = testProcesses();
    const house = await open();
    const count = 80;
    await lettersOf(shop, house, count);
    const { broker } = house;
    const desk = deskOf(shop, broker);
    let settled = 0;
    for (const step of transactionSteps) {
      await killedAt(step, prefix);
      settled += step === "ended" ? 20 : 10;
      const left = count - settled;
      await soon(async () => expect([step, (await desk.settle(shop.request({ dryRun: true }), never)).settled]).toEqual([step, left]));
      expect([step, await cameBack(shop, broker)]).toEqual([step, upTo(settled)]);
      const began = performance.now();
      expect(await desk.settle(shop.request({ limit: 1 }), never)).toMatchObject({ settled: 1, refused: [] });
      // Who was killed left a session and a transaction open, for two minutes each.
      expect(performance.now() - began).toBeLessThan(60_000);
      settled += 1;
    }
    expect(await desk.settle(shop.request(), never)).toEqual({ settled: count - settled, refused: [], complete: true });
    expect(await cameBack(shop, broker)).toEqual(upTo(count));
    await soon(async () => expect((await recordsOf(broker, shop.plan, "checked")).map(idOf)).toHaveLength(count));
  });

  test("[RD1] of four processes that are asked for the same letter at once one settles it, and the others say that it was", async () => {
    const shop = new Shop(1);
    const { open } = testProcesses();
    const house = await open();
    const rounds = 4;
    await lettersOf(shop, house, rounds);
    const desks = [deskOf(shop, house.broker)];
    while (desks.length < 4) desks.push(deskOf(shop, (await open()).broker));
    for (let round = 0; round < rounds; round++) {
      const letters: LetterPlace[] = [];
      for await (const { place } of readLetters(house.broker, { topic: "in.dlq", partition: 0, from: -1n })) letters.push(place);
      const only = [letters[round]!];
      const reports = await Promise.all(desks.map((desk) => desk.settle(shop.request({ only }), never)));
      expect(reports.reduce((sum, { settled }) => sum + settled, 0)).toBe(1);
      expect(reports.flatMap(({ refused }) => refused.map(({ why, count }) => [why, count]))).toEqual(
        Array.from({ length: 3 }, () => ["already-redriven", 1]),
      );
    }
    await soon(async () => expect(await cameBack(shop, house.broker)).toEqual(upTo(rounds)));
  });

  test("[RD1] an answer that is lost, to a commit that was made or was not, is settled by the desk itself", async () => {
    const shop = new Shop(1);
    const { open } = testProcesses();
    const house = await open();
    await lettersOf(shop, house, 30);
    const { broker, proxy } = await open();
    const desk = deskOf(shop, broker);
    expect(await desk.settle(shop.request({ limit: 10 }), never)).toMatchObject({ settled: 10 });
    for (const outcome of ["done", "undone"] as const) {
      proxy.loseAnswer({ api: "EndTxn", outcome });
      expect(await desk.settle(shop.request({ limit: 10 }), never)).toMatchObject({ settled: 10, refused: [] });
    }
    await soon(async () => expect(await cameBack(shop, house.broker)).toEqual(upTo(30)));
    expect(await deskOf(shop, house.broker).settle(shop.request(), never)).toEqual({ settled: 0, refused: [], complete: true });
  });
});
