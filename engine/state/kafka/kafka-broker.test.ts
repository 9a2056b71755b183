import { testBroker } from "#broker/conformance.ts";
import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { kafkaCrashes, openKafkaHarness } from "./kafka-harness.ts";

describeKafka("on Kafka", { timeout: 120_000 }, () => {
  testBroker("log on Kafka", () => openKafkaHarness(), { keeps: "all", crashes: kafkaCrashes });
});
