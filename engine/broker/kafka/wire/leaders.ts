import { BrokerError } from "#broker/broker-error.ts";
import type { Topic } from "./cluster.ts";
import { isRetriable } from "./error-classes.ts";
import type { KafkaClient } from "./kafka-client.ts";
import { asKafkaError, KafkaError } from "./kafka-error.ts";
import { persist, type Persistence } from "./persist.ts";

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** What the leader of one partition answered; `id` is Kafka's name of what went wrong. */
export type LeaderAnswer<T> = { readonly kind: "answered"; readonly answer: T } | { readonly kind: "failed"; readonly id: string };

export type LeaderQuestion<P extends TopicPartition, T> = Persistence & {
  readonly doing: string;
  /** One request to one leader; an answer for each of the partitions, in their order. */
  ask(node: number, partitions: readonly P[], topics: ReadonlyMap<string, Topic>): Promise<readonly LeaderAnswer<T>[]>;
};

/**
 * Asks the leaders of partitions, all at the same time, and those again whose partitions moved or were busy; an answer for each, in the order asked.
 * @throws {BrokerError} `BROKER_UNKNOWN_TOPIC`
 * @throws {KafkaError} what cannot be retried, or has failed for `forMs`
 */
export async function askLeaders<P extends TopicPartition, T>(
  client: KafkaClient,
  partitions: readonly P[],
  question: LeaderQuestion<P, T>,
): Promise<readonly T[]> {
  const { doing } = question;
  const answers: T[] = [];
  let open = partitions.map((_, i) => i);
  await persist(doing, question, async (refresh) => {
    const { leaders, topics } = await leadersOf(
      client,
      open.map((i) => partitions[i]!),
      refresh,
    );
    const byLeader = Map.groupBy(open, (i) => leaders.get(keyOf(partitions[i]!))!);
    const failures: KafkaError[] = [];
    const left: number[] = [];
    await Promise.all(
      [...byLeader].map(async ([node, asked]) => {
        try {
          const given = await question.ask(
            node,
            asked.map((i) => partitions[i]!),
            topics,
          );
          for (const [n, i] of asked.entries()) {
            const outcome = given[n]!;
            if (outcome.kind === "answered") answers[i] = outcome.answer;
            else {
              left.push(i);
              failures.push(new KafkaError(`${doing} ${keyOf(partitions[i]!)}: ${outcome.id}`, [outcome.id]));
            }
          }
        } catch (thrown) {
          if (thrown instanceof BrokerError) throw thrown;
          left.push(...asked);
          failures.push(asKafkaError(thrown, doing));
        }
      }),
    );
    open = left;
    // What cannot be retried is told first.
    const failure = failures.find((error) => !isRetriable(error)) ?? failures[0];
    if (failure !== undefined) throw failure;
  });
  return answers;
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}[${partition}]`;

async function leadersOf(
  client: KafkaClient,
  partitions: readonly TopicPartition[],
  refresh: boolean,
): Promise<{ readonly leaders: ReadonlyMap<string, number>; readonly topics: ReadonlyMap<string, Topic> }> {
  const names = [...new Set(partitions.map(({ topic }) => topic))];
  const stale = partitions.some(({ topic, partition }) => (client.known(topic)?.partitions[partition]?.leader ?? -1) < 0);
  if (refresh || stale) await client.metadata(names);
  const topics = new Map<string, Topic>();
  const leaders = new Map<string, number>();
  for (const { topic, partition } of partitions) {
    const known = client.known(topic);
    const found = known?.partitions[partition];
    if (known === undefined || found === undefined) {
      const message =
        known === undefined
          ? `there is no topic "${topic}"`
          : `topic "${topic}" has ${known.partitions.length} partitions, not one numbered ${partition}`;
      throw new BrokerError("BROKER_UNKNOWN_TOPIC", message, { at: keyOf({ topic, partition }) });
    }
    if (found.leader < 0) throw new KafkaError(`${keyOf({ topic, partition })} has no leader now`, ["LEADER_NOT_AVAILABLE"]);
    topics.set(topic, known);
    leaders.set(keyOf({ topic, partition }), found.leader);
  }
  return { leaders, topics };
}
