import { expect, test } from "vitest";
import { startFaultProxy } from "../proving/fault-proxy.ts";
import { describeKafka, openClient, until } from "../proving/kafka-test.ts";
import { persist } from "../wire/persist.ts";
import { managerOf, seen, transactionBench } from "./transaction-harness.ts";
import { initProducerId, nobody } from "./transaction-requests.ts";
import { transactionOf } from "./transaction-samples.ts";

/** Epochs are 16 bits wide, and the last one is kept for fencing. */
const lastEpoch = 32_766;

describeKafka("the end of a producer's epochs", () => {
  /** Raises the epoch of a transactional id as so many restarts would. */
  async function wearOut(id: string): Promise<bigint> {
    const client = openClient("wearing-out");
    for (;;) {
      const { producerId, producerEpoch } = await persist("init", { forMs: 20_000 }, async (refresh) =>
        client.send(await client.coordinator("transaction", id, refresh), initProducerId(id, 30_000, nobody), "init"),
      );
      if (producerEpoch === lastEpoch - 1) return producerId;
    }
  }

  test("[K19] behind the last epoch the producer has another id, and goes on", { timeout: 300_000 }, async () => {
    const proxy = await startFaultProxy();
    const goesOn = async (version: 1 | 2, ending: "answered" | "lost"): Promise<void> => {
      const bench = await transactionBench();
      const worn = await wearOut(bench.id);
      let failing = true;
      const manager = managerOf(bench, {
        version,
        ...(ending === "lost" && { via: proxy.via, deadlineMs: 500 }),
        onStep: (step) => {
          if (failing && step === "produced") throw new Error("given up");
        },
      });
      await manager.open();
      expect(manager.identity).toEqual({ producerId: worn, producerEpoch: lastEpoch });
      const stop = ending === "lost" ? proxy.onRequest("EndTxn", () => proxy.loseAnswer({ api: "EndTxn", outcome: "undone" })) : undefined;
      await expect(manager.run(transactionOf(bench, "aborted", 1n))).rejects.toThrow("given up");
      stop?.();
      expect(manager.identity.producerId).not.toBe(worn);
      expect(manager.identity.producerEpoch).toBe(0);
      failing = false;
      for (const text of ["a", "b"]) expect(await manager.run(transactionOf(bench, text, 2n))).toMatchObject({ kind: "committed" });
      await until(async () => (await seen(bench)).values.length === 4, 10_000, "the markers are written");
      expect(await seen(bench)).toEqual({ values: ["0:a", "0:b", "1:a", "1:b"], offsets: ["2 b", "2 b"] });
    };
    await Promise.all([goesOn(2, "answered"), goesOn(2, "lost"), goesOn(1, "answered")]);
    await proxy.close();
  });
});
