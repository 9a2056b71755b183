import { expect, test } from "vitest";
import { describeKafka, openClient, uniqueName, until } from "../proving/kafka-test.ts";
import { joinRaw } from "../proving/raw-member.ts";
import { managerOf, seen, transactionBench } from "./transaction-harness.ts";
import { batches, transactionOf } from "./transaction-samples.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { TransactionManager } from "./transaction-manager.ts";
import { transactionSteps } from "./transaction.ts";

const nothing = { values: [], offsets: ["none", "none"] };

describeKafka.each([2, 1] as const)("what goes wrong inside a transaction of version %i", (version) => {
  test("[K12] a batch that is refused takes all of its transaction with it, and the next one commits", async () => {
    const bench = await transactionBench({ configs: { "max.message.bytes": "1000" } });
    const manager = managerOf(bench, { version });
    await manager.open();
    const good = transactionOf(bench, "good", 1n);
    const large = { ...batches(bench.topic, "small", "l".repeat(2000), "behind"), partition: 1 };
    const outcome = await manager.run({ ...good, batches: [good.batches[0]!, large] });
    expect(outcome).toMatchObject({ kind: "aborted", error: { ids: ["MESSAGE_TOO_LARGE"] } });
    expect(await seen(bench)).toEqual(nothing);
    expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).values.length === 2, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:next", "1:next"], offsets: ["2 next", "2 next"] });
  });

  test("[K12] a topic that does not exist is waited for a moment, then the transaction is aborted", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const lost = batches(uniqueName("nowhere"), "lost");
    const outcome = await manager.run({
      ...transactionOf(bench, "good", 1n),
      batches: [...transactionOf(bench, "good", 1n).batches, lost],
    });
    expect(outcome).toMatchObject({ kind: "aborted", error: { ids: expect.arrayContaining(["UNKNOWN_TOPIC_OR_PARTITION"]) as unknown } });
    expect(await seen(bench)).toEqual(nothing);
    expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
  });

  test("[K13] offsets of another generation, of an evicted member or of a replaced instance are refused, with all that came before them", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const client = openClient("member");
    const { member } = bench;
    const renewed = await joinRaw(client, bench.group, member);
    expect(renewed.generationId).toBe(member.generationId + 1);
    const refused = async (as: typeof member, id: string): Promise<void> => {
      const outcome = await manager.run({ ...transactionOf(bench, "stale", 1n), member: as });
      expect(outcome).toMatchObject({ kind: "fenced", by: "member", error: { ids: [id] } });
    };
    await refused(member, "ILLEGAL_GENERATION");
    await refused({ ...renewed, generationId: renewed.generationId + 1 }, "ILLEGAL_GENERATION");
    await refused({ ...renewed, memberId: "evicted" }, "UNKNOWN_MEMBER_ID");
    expect(await seen(bench)).toEqual(nothing);
    bench.member = renewed;
    expect(await manager.run(transactionOf(bench, "fresh", 2n))).toMatchObject({ kind: "committed" });

    const statics = await transactionBench();
    const first = await joinRaw(client, (statics as { group: string }).group + "-static", { groupInstanceId: "worker-1" });
    await joinRaw(client, statics.group + "-static", { groupInstanceId: "worker-1" });
    const outcome = await manager.run({ ...transactionOf(statics, "stale", 1n), group: statics.group + "-static", member: first });
    expect(outcome).toMatchObject({ kind: "fenced", by: "member", error: { ids: ["FENCED_INSTANCE_ID"] } });
    expect(await seen(statics)).toEqual(nothing);
  });

  test("[K22] what a listener throws before the end aborts, and reaches the caller; at `ended` only the answer is lost", async () => {
    const bench = await transactionBench();
    let at: string | undefined;
    const steps: string[] = [];
    const onStep = (step: string): void => {
      steps.push(step);
      if (step === at) throw new Error(`thrown at ${step}`);
    };
    const manager = managerOf(bench, { version, onStep });
    await manager.open();
    for (const step of transactionSteps) {
      at = step;
      await expect(manager.run(transactionOf(bench, step, 1n))).rejects.toThrow(`thrown at ${step}`);
    }
    at = undefined;
    steps.length = 0;
    expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
    expect(steps).toEqual(transactionSteps);
    await until(async () => (await seen(bench)).values.length === 4, 5000, "the markers are written");
    expect((await seen(bench)).values).toEqual(["0:ended", "0:next", "1:ended", "1:next"]);
  });
});

describeKafka("what a leader refuses in a transaction of version 1", () => {
  test("[K12] a partition that the coordinator knows nothing of is refused as abortable, and the next transaction commits", async () => {
    const bench = await transactionBench();
    const client = openClient("forgetful");
    let forgets = true;
    const send: KafkaClient["send"] = async (node, request, doing) => {
      // As if the coordinator had answered and lost what it was told.
      if (request.key === 24 && forgets) return {} as never;
      return client.send(node, request, doing);
    };
    const forgetful = {
      send,
      known: client.known.bind(client),
      metadata: client.metadata.bind(client),
      coordinator: client.coordinator.bind(client),
      finalizedFeature: client.finalizedFeature.bind(client),
    };
    const manager = new TransactionManager({ client: forgetful, transactionalId: bench.id, timeoutMs: 30_000, version: 1 });
    await manager.open();
    expect(await manager.run(transactionOf(bench, "lost", 1n))).toMatchObject({
      kind: "aborted",
      error: { ids: ["TRANSACTION_ABORTABLE"] },
    });
    forgets = false;
    expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).values.length === 2, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:next", "1:next"], offsets: ["2 next", "2 next"] });
  });
});
