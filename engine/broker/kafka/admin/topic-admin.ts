import { ConfigResourceTypes, createTopicsV7, describeConfigsV4, metadataV12 } from "../wire/kafka-library.ts";
import { BrokerError } from "#broker/broker-error.ts";
import type { TopicSpec } from "#broker/broker.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { errorId, KafkaError, network } from "#broker/kafka/wire/kafka-error.ts";
import { persist } from "#broker/kafka/wire/persist.ts";
import { answerOf } from "./offsets.ts";
import { mismatches, neverRepartitioned, type TopicDefaults, type WantedTopic, wantedChangelog, wantedTopic } from "./topic-settings.ts";

const patienceMs = 60_000;
const answerWithinMs = 15_000;
const topicResource = ConfigResourceTypes.TOPIC;

/**
 * Creates the topics that are missing and verifies the rest; when one cannot be as asked for, nothing is created. Processes that ask for the same
 * at the same time all get it.
 * 1. what exists is verified  2. the brokers say whether the rest could be created  3. it is created  4. every node knows every leader
 * 5. what another process created meanwhile is verified
 *
 * @throws {BrokerError} `BROKER_TOPIC_MISMATCH`
 * @throws {KafkaError}
 */
export const ensureTopics = (client: KafkaClient, specs: readonly TopicSpec[], defaults: TopicDefaults): Promise<void> =>
  ensure(
    client,
    specs.map((spec) => wantedTopic(spec, defaults)),
  );

/** The same for changelogs, which keep the last record of each key. @throws as `ensureTopics` */
export const ensureCompacted = (
  client: KafkaClient,
  changelogs: readonly { readonly name: string; readonly partitions: number }[],
  defaults: TopicDefaults,
): Promise<void> =>
  ensure(
    client,
    changelogs.map((changelog) => wantedChangelog(changelog, defaults)),
  );

async function ensure(client: KafkaClient, asked: readonly WantedTopic[]): Promise<void> {
  if (asked.length === 0) return;
  const topics = unique(asked);
  const { topics: known } = await persist("topics", { forMs: patienceMs }, () => client.metadata(topics.map(({ name }) => name)));
  const [present, missing] = [topics.filter(({ name }) => known.has(name)), topics.filter(({ name }) => !known.has(name))];
  await verify(client, present);
  if (missing.length > 0) {
    await create(client, missing, "only checked");
    await create(client, missing, "created");
  }
  await untilKnown(client, topics);
  await verify(client, missing);
}

/** A topic asked for twice in one call is one, if both are alike. */
function unique(asked: readonly WantedTopic[]): readonly WantedTopic[] {
  const byName = new Map<string, WantedTopic>();
  for (const topic of asked) {
    const other = byName.get(topic.name);
    const settings = new Map([...(other ?? topic).required].map(([key, { value }]) => [key, value]));
    const wrong = mismatches(topic, { partitions: (other ?? topic).partitions, settings });
    if (wrong.length > 0)
      throw new BrokerError("BROKER_TOPIC_MISMATCH", `topic "${topic.name}" is asked for in two shapes: ${wrong.join("; ")}`);
    byName.set(topic.name, topic);
  }
  return [...byName.values()];
}

async function verify(client: KafkaClient, topics: readonly WantedTopic[]): Promise<void> {
  if (topics.length === 0) return;
  const settings = await settingsOf(client, topics);
  const wrong = topics.flatMap((topic) => {
    const present = { partitions: client.known(topic.name)!.partitions.length, settings: settings.get(topic.name)! };
    const found = mismatches(topic, present);
    return found.length === 0 ? [] : [`topic "${topic.name}": ${found.join("; ")}${adviceOn(topic, present.partitions)}`];
  });
  if (wrong.length > 0) throw new BrokerError("BROKER_TOPIC_MISMATCH", wrong.join("\n"));
}

function adviceOn({ partitions }: WantedTopic, present: number): string {
  if (present !== partitions) return `. ${neverRepartitioned}`;
  return ". Nothing was altered: ask for what is there, or set it with kafka-configs --alter --entity-type topics";
}

async function settingsOf(
  client: KafkaClient,
  topics: readonly WantedTopic[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string | null>>> {
  const resources = topics.map(({ name, required }) => ({
    resourceType: topicResource,
    resourceName: name,
    configurationKeys: [...required.keys()],
  }));
  const answer = await persist("settings of topics", { forMs: patienceMs }, () =>
    client.ask("any", describeConfigsV4.api, [resources, false, false], "settings of topics"),
  );
  return new Map(
    answer.results.map(({ resourceName, configs }) => [resourceName, new Map(configs.map(({ name, value }) => [name, value ?? null]))]),
  );
}

async function create(client: KafkaClient, topics: readonly WantedTopic[], mode: "only checked" | "created"): Promise<void> {
  const requests = topics.map(({ name, partitions, replication, required, initial }) => ({
    name,
    numPartitions: partitions,
    replicationFactor: replication,
    assignments: [],
    configs: [
      ...[...required].map(([key, { value }]) => ({ name: key, value })),
      ...[...initial].map(([key, value]) => ({ name: key, value })),
    ],
  }));
  await persist("create topics", { forMs: patienceMs }, async (refresh) => {
    const node = await client.controller(refresh);
    const answer = await client
      .ask(node, createTopicsV7.api, [requests, answerWithinMs, mode === "only checked"], "create topics")
      .catch(answerOf<typeof createTopicsV7.api>);
    for (const { name, errorCode, errorMessage } of answer.topics) {
      const id = errorId(errorCode);
      // Another process was faster, or an earlier attempt whose answer was lost: it is verified like any other.
      if (id === "NONE" || id === "TOPIC_ALREADY_EXISTS") continue;
      throw new KafkaError(`topic "${name}" cannot be created: ${id}${errorMessage ? ` (${errorMessage})` : ""}`, [id]);
    }
  });
}

/** Until every node that is up tells the leaders of all partitions: whoever is asked next finds them. */
async function untilKnown(client: KafkaClient, topics: readonly WantedTopic[]): Promise<void> {
  const names = topics.map(({ name }) => name);
  await persist("leaders of new topics", { forMs: patienceMs, maxPauseMs: 100 }, async () => {
    const { nodes, topics: known } = await client.metadata(names);
    for (const name of names) {
      const partitions = known.get(name)?.partitions ?? [];
      if (partitions.length === 0 || partitions.some(({ leader }) => leader < 0)) {
        throw new KafkaError(`topic "${name}" has no leaders yet`, ["LEADER_NOT_AVAILABLE"]);
      }
    }
    await Promise.all([...nodes.keys()].map((node) => knownTo(client, node, names)));
  });
}

async function knownTo(client: KafkaClient, node: number, names: readonly string[]): Promise<void> {
  try {
    await client.ask(node, metadataV12.api, [[...names], false, false], `topics as node ${node} knows them`);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    if (error.is("UNKNOWN_TOPIC_OR_PARTITION")) throw new KafkaError(error.message, ["LEADER_NOT_AVAILABLE"], error);
    // A node that is down tells nobody anything.
    if (!error.is(network)) throw error;
  }
}
