import { setTimeout as sleep } from "node:timers/promises";
import { createTopicsV7, deleteTopicsV6, metadataV12 } from "@platformatic/kafka";
import { answerOf } from "../../engine/broker/kafka/admin/offsets.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { errorId } from "../../engine/broker/kafka/wire/kafka-error.ts";

const patienceMs = 30_000;

/** Makes topics of so many partitions, kept for ever. @throws {Error} when they cannot be made */
export async function createTopics(
  client: KafkaClient,
  names: readonly string[],
  { partitions, settings = {} }: { readonly partitions: number; readonly settings?: Readonly<Record<string, string>> },
): Promise<void> {
  const configs = Object.entries({ "retention.ms": "-1", ...settings }).map(([name, value]) => ({ name, value }));
  const requests = names.map((name) => ({ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs }));
  const answer = await client
    .ask(await client.controller(), createTopicsV7.api, [requests, patienceMs, false], "create topics")
    .catch(answerOf<typeof createTopicsV7.api>);
  for (const { name, errorCode } of answer.topics) if (errorCode !== 0) throw new Error(`topic ${name}: ${errorId(errorCode)}`);
  await untilTrue(
    async () => {
      const { topics } = await client.metadata(names);
      return names.every((name) => topics.get(name)?.partitions.every(({ leader }) => leader >= 0));
    },
    `topics ${names.join(", ")} have leaders`,
  );
}

/** Deletes those whose name the test takes; resolves when they are gone. */
export async function deleteTopics(client: KafkaClient, takes: (name: string) => boolean): Promise<void> {
  const found = (await namesOf(client)).filter(takes);
  if (found.length === 0) return;
  await client.ask(await client.controller(), deleteTopicsV6.api, [found.map((name) => ({ name })), patienceMs], "delete topics");
  await untilTrue(async () => !(await namesOf(client)).some((name) => found.includes(name)), `topics ${found.join(", ")} are gone`);
}

async function namesOf(client: KafkaClient): Promise<string[]> {
  const { topics } = await client.ask("any", metadataV12.api, [null, false, false], "all topics");
  return topics.flatMap(({ name }) => (typeof name === "string" ? [name] : []));
}

/** Asks again and again. @throws {Error} it was not so within the deadline */
export async function untilTrue(ask: () => Promise<boolean>, what: string, deadlineMs = patienceMs): Promise<void> {
  for (const until = performance.now() + deadlineMs; !(await ask());) {
    if (performance.now() > until) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(50);
  }
}
