import { expect, test } from "vitest";
import { describeKafka, until } from "../proving/kafka-test.ts";
import { batches, managerOf, seen, transactionBench, transactionOf } from "./transaction-harness.ts";

describeKafka.each([2, 1] as const)("transactions of version %i", (version) => {
  test("[K10] a commit makes batches of all partitions and offsets with metadata visible at once, and says where they lie", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const first = await manager.run(transactionOf(bench, "a b", 7n));
    expect(first).toMatchObject({
      kind: "committed",
      written: [0, 1].map((partition) => ({ topic: bench.topic, partition, offset: 2n })),
      batches: [0, 1].map((partition) => ({ topic: bench.topic, partition, bases: [0n] })),
    });
    const second = await manager.run(transactionOf(bench, "c", 8n));
    // The marker of the first commit takes an offset as well.
    expect(second).toMatchObject({ kind: "committed", written: [0, 1].map((partition) => ({ partition, offset: 4n })) });
    await until(async () => (await seen(bench)).values.length === 6, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:a", "0:b", "0:c", "1:a", "1:b", "1:c"], offsets: ["8 c", "8 c"] });
    await manager.close();
  });

  test("[K11] many batches of a partition lie in their order", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const texts = Array.from({ length: 23 }, (_, i) => `${i}-first ${i}-second`);
    const outcome = await manager.run({ ...transactionOf(bench, "", 1n), batches: [batches(bench.topic, ...texts)] });
    expect(outcome).toMatchObject({
      kind: "committed",
      batches: [{ bases: texts.map((_, i) => BigInt(2 * i)) }],
      written: [{ offset: 46n }],
    });
    await until(async () => (await seen(bench)).values.length === 46, 5000, "the markers are written");
    expect((await seen(bench)).values).toEqual(
      texts
        .join(" ")
        .split(" ")
        .map((text) => `0:${text}`),
    );
  });
});
