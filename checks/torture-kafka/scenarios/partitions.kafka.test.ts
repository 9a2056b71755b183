import { expect, test } from "vitest";
import { describeKafka, openClient, until } from "#engine/broker/kafka/proving/kafka-test.ts";
import { raisePartitions } from "#engine/broker/kafka/proving/raise-partitions.ts";
import { topicOf } from "../smoke/plan.ts";
import { Scenario } from "./scenario.ts";

describeKafka("partitions raised under a running topology", { timeout: 120_000 }, () => {
  test.each(["data", "cnt"] as const)("[K96] of %s end who runs and refuse who starts, with what to do; nothing is lost", async (what) => {
    const scenario = await Scenario.open({ keys: 10 });
    const { producer, smoke, plan } = scenario;
    const topic = topicOf(plan.name, what);
    const running = await scenario.start("a", { log: { watchEveryMs: 500 } });
    const ended: Promise<unknown> = running.worker.ended.catch((error: unknown) => error);
    producer.start();
    await until(() => producer.acknowledged.length > 100, 30_000, "records are sent");
    await raisePartitions(openClient("operator"), topic, smoke.partitions + 1);

    const late = scenario.open("b");
    const refused: unknown = await late.worker.start().catch((error: unknown) => error);
    for (const error of [await ended, refused]) {
      expect(error).toMatchObject({ code: "BROKER_TOPIC_MISMATCH" });
      const { message } = error as Error;
      expect(message).toContain(topic);
      expect(message).toMatch(/has 3 partitions.*\b2\b/);
      expect(message).toContain("make a topic of another name and replay into it");
    }
    await running.abandon();

    // Who asks for what is there by now goes on with the state that there is.
    const raised = { ...plan, topics: plan.topics.map((spec) => (spec.name === topic ? { ...spec, partitions: 3 } : spec)) };
    const again = await scenario.start("a", { plan: raised });
    await scenario.finish();
    await again.stop();
    await scenario.judge();
    await scenario.judgeState();
  });
});
