import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { testStateStorage } from "#state/conformance.ts";
import { openKafkaGround } from "./kafka-ground.ts";

const fates = {
  kept: "a local copy that was kept",
  lost: "a local copy that was lost, restored whole from its changelog",
  behind: "a local copy that is some commits behind",
} as const;

describeKafka.for(["kept", "lost", "behind"] as const)("on Kafka", { timeout: 60_000 }, (fate) => {
  testStateStorage(`on Kafka, ${fates[fate]}`, (limits) => openKafkaGround(limits, fate), { operations: 800, runs: 1 });
});
