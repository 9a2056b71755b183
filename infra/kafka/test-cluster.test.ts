import { expect, test } from "vitest";
import { needsKafka } from "./test-cluster.ts";

test.each([
  ["engine/broker/kafka/fetcher.test.ts", true],
  ["engine/broker/kafka/wire/batch.test.ts", true],
  ["checks/answers.kafka.test.ts", true],
  ["kafka/some.test.ts", true],
  ["engine/broker/embedded/log.test.ts", false],
  ["engine/broker/kafkaesque/a.test.ts", false],
  ["infra/kafka/cluster.test.ts", false],
])("%s needs the run's Kafka: %s", (file, needed) => expect(needsKafka(file)).toBe(needed));
