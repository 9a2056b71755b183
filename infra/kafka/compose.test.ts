import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { pinnedJars } from "./install/pinned-jars.ts";
import { portsFrom } from "./node/ports.ts";
import { nodeSettings } from "./node/properties.ts";

type Compose = { readonly services: { readonly kafka: { image: string; ports: string[]; environment: Record<string, string> } } };
const { kafka } = (parse(readFileSync(new URL("./compose.yaml", import.meta.url), "utf8"), { strict: true, uniqueKeys: true }) as Compose)
  .services;

test("the container runs the Kafka that the POM pins, and is reached from the loopback only", () => {
  expect(kafka.image).toBe(`apache/kafka:${pinnedJars().kafkaVersion}`);
  expect(kafka.ports).toEqual(["127.0.0.1:19092:19092"]);
});

test("the container has the settings of our own start", () => {
  const ours = nodeSettings({ nodes: portsFrom(19_092, 1), more: {} }, 1, "/var/lib/kafka/data");
  const variables = Object.entries(ours).map(([name, value]) => [`KAFKA_${name.toUpperCase().replaceAll(".", "_")}`, value]);
  const { KAFKA_HEAP_OPTS, KAFKA_CONTROLLER_QUORUM_VOTERS, ...theirs } = kafka.environment;
  const { KAFKA_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, ...expected } = Object.fromEntries(variables) as Record<string, string>;
  // Three differ for they lie in a container: who listens, and how the quorum is told.
  expect(theirs).toEqual({ ...expected, KAFKA_LISTENERS: "PLAINTEXT://:19092,CONTROLLER://127.0.0.1:19093" });
  expect(KAFKA_CONTROLLER_QUORUM_VOTERS).toBe(`1@${KAFKA_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS}`);
  expect(KAFKA_HEAP_OPTS).toContain("-Xmx512m");
});
