import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "#state/kafka/test-processes.ts";
import { testLetterDesk } from "./letter-desk-conformance.ts";

describeKafka("on Kafka", { timeout: 120_000 }, () => {
  testLetterDesk("letters on Kafka", async ({ plan }) => {
    const { open } = testProcesses();
    const { broker, storage } = await open();
    const other = await open();
    await broker.ensureTopics(plan.topics);
    return { broker, storage, elsewhere: () => other.broker };
  });
});
