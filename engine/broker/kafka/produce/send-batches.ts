import { isRetriable } from "../wire/error-classes.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { asKafkaError, KafkaError } from "../wire/kafka-error.ts";
import { persist } from "../wire/persist.ts";
import type { PartitionLane } from "./partition-lane.ts";
import { produceRequest, type ProduceOptions } from "./produce-request.ts";

/** What sending needs of a client. */
export type ProduceClient = Pick<KafkaClient, "send" | "known" | "metadata">;

export type SendOptions = {
  readonly produce: ProduceOptions;
  /** Batches of a partition that are under way at a time, once the first of an attempt was taken: 1 to 5. */
  readonly window: number;
  /** One lane that is given up ends all: those of a transaction. */
  readonly together: boolean;
  readonly signal?: AbortSignal;
  readonly onRetry?: (error: KafkaError) => void;
  /** Asked where a batch lies that may be in the log, before it is sent again; undefined when it is not there. */
  readonly find?: (lane: PartitionLane) => Promise<bigint | undefined>;
  /** Told of each lane that is done or given up, at once. */
  readonly onSettled?: (lane: PartitionLane) => void;
};

/** Brokers take 100 MiB at most, and hold a request in memory. */
const maxRequestBytes = 16 << 20;
const newTopicMs = 2000;
const pauseMs = 10;
const maxPauseMs = 100;

/** A topic that was created a moment ago may still be unknown to a node, so that error is believed after a moment only. */
export function newTopic(): (error: KafkaError) => boolean {
  const hopeUntil = performance.now() + newTopicMs;
  return (error) => error.is("UNKNOWN_TOPIC_OR_PARTITION") && performance.now() < hopeUntil;
}

/**
 * Sends all lanes, one request a leader and round, each partition's batches in order. Partitions whose leader moves are sent again to where it is then,
 * with the identical bytes, until their time is over. Afterwards every lane is done or has a `failure`; with `together` the others may be left where they were.
 */
export async function sendBatches(client: ProduceClient, lanes: readonly PartitionLane[], options: SendOptions): Promise<void> {
  const { signal, onRetry, together, onSettled } = options;
  const forMs = Math.max(...lanes.map(({ until }) => until)) - performance.now();
  const mayPass = newTopic();
  let open = lanes.filter((lane) => !lane.done);
  const attempt = async (refresh: boolean): Promise<void> => {
    const sent = open;
    for (const lane of sent) lane.rewind();
    const leaders = await byLeader(client, sent, refresh);
    const settle = (lane: PartitionLane): void => {
      const { error } = lane;
      if (error !== undefined && (performance.now() > lane.until || !(isRetriable(error) || mayPass(error)))) lane.failure = error;
      if (lane.done || lane.failure !== undefined) onSettled?.(lane);
    };
    const flights = [...leaders].map(async ([node, those]) => {
      if (options.find !== undefined) await findUncertain(those, options.find);
      await fly(client, { node, lanes: those }, options);
      those.forEach(settle);
    });
    for (const lane of sent) if (lane.error !== undefined) settle(lane);
    await Promise.all(flights);
    open = sent.filter((lane) => !lane.done && lane.failure === undefined);
    if (together && sent.some(({ failure }) => failure !== undefined)) return;
    if (open.length > 0) throw worst(open);
  };
  try {
    await persist("produce", { forMs, pauseMs, maxPauseMs, mayPass, ...(signal && { signal }), ...(onRetry && { onRetry }) }, attempt);
  } catch (thrown) {
    const error = asKafkaError(thrown, "produce");
    for (const lane of open) {
      lane.failure = lane.error ?? error;
      onSettled?.(lane);
    }
  }
}

/** The one that says most: a broker's word before a broken connection. */
function worst(lanes: readonly PartitionLane[]): KafkaError {
  const errors = lanes.map(({ error }) => error).filter((error) => error !== undefined);
  const ids = [...new Set(errors.flatMap((error) => error.ids))];
  const named = errors.find((error) => !error.is("NETWORK")) ?? errors[0];
  return new KafkaError(named?.message ?? "produce: nothing was sent", ids, named);
}

/** Lanes whose partition has no leader are marked as failed. */
async function byLeader(client: ProduceClient, lanes: readonly PartitionLane[], refresh: boolean): Promise<Map<number, PartitionLane[]>> {
  const leaderOf = ({ topic, partition }: PartitionLane): number | undefined => client.known(topic)?.partitions[partition]?.leader;
  if (refresh || lanes.some((lane) => (leaderOf(lane) ?? -1) < 0)) await client.metadata([...new Set(lanes.map(({ topic }) => topic))]);
  const leaders = new Map<number, PartitionLane[]>();
  for (const lane of lanes) {
    const leader = leaderOf(lane);
    const where = `${lane.topic}[${lane.partition}]`;
    if (leader === undefined) lane.failed(new KafkaError(`${where} does not exist`, ["UNKNOWN_TOPIC_OR_PARTITION"]));
    else if (leader < 0) lane.failed(new KafkaError(`${where} has no leader now`, ["LEADER_NOT_AVAILABLE"]));
    else if (!leaders.has(leader)) leaders.set(leader, [lane]);
    else leaders.get(leader)!.push(lane);
  }
  return leaders;
}

async function findUncertain(lanes: readonly PartitionLane[], find: NonNullable<SendOptions["find"]>): Promise<void> {
  const uncertain = lanes.filter((lane) => lane.uncertain);
  await Promise.all(
    uncertain.map(async (lane) => {
      try {
        const base = await find(lane);
        if (base !== undefined) lane.found(base);
      } catch (thrown) {
        lane.failed(asKafkaError(thrown, "look for a batch"));
      }
    }),
  );
}

/** One attempt with one leader: the first batch of each lane alone, since it may find the partition not ready for it; then up to `window` rounds under way. */
async function fly(
  client: ProduceClient,
  { node, lanes }: { node: number; lanes: readonly PartitionLane[] },
  options: SendOptions,
): Promise<void> {
  const rounds: Promise<unknown>[] = [];
  for (let first = true; ; first = false) {
    const ready = lanes.filter((lane) => lane.next !== undefined);
    if (ready.length === 0) break;
    rounds.push(Promise.all(portions(ready).map((portion) => sendRound(client, { node, lanes: portion }, options))));
    if (first || rounds.length >= options.window) await rounds.shift();
  }
  await Promise.all(rounds);
}

function portions(lanes: readonly PartitionLane[]): PartitionLane[][] {
  const all: PartitionLane[][] = [];
  let left = 0;
  for (const lane of lanes) {
    const { length } = lane.next!;
    if (left < length) {
      all.push([]);
      left = maxRequestBytes;
    }
    all.at(-1)!.push(lane);
    left -= length;
  }
  return all;
}

/** Never rejects: what goes wrong is written down in the lanes. */
async function sendRound(
  client: ProduceClient,
  { node, lanes }: { node: number; lanes: readonly PartitionLane[] },
  options: SendOptions,
): Promise<void> {
  const entries = lanes.map((lane) => ({ topic: lane.topic, partition: lane.partition, bytes: lane.next! }));
  for (const lane of lanes) lane.sent++;
  try {
    const answers = await client.send(node, produceRequest(entries, options.produce), "produce");
    const found = new Map(answers.map((answer) => [`${answer.partition}/${answer.topic}`, answer]));
    for (const lane of lanes) {
      const answer = found.get(`${lane.partition}/${lane.topic}`);
      const where = `produce to ${lane.topic}[${lane.partition}]`;
      if (answer === undefined) lane.failed(new KafkaError(`${where}: left out of the answer`, ["UNKNOWN_SERVER_ERROR"]));
      else if (answer.id !== "NONE")
        lane.failed(new KafkaError(`${where}: ${answer.id}${answer.message === null ? "" : ` (${answer.message})`}`, [answer.id]));
      else if (answer.baseOffset < 0n) lane.failed(new KafkaError(`${where}: taken, but without an offset`, ["UNKNOWN_SERVER_ERROR"]));
      else lane.written(answer.baseOffset);
    }
  } catch (thrown) {
    const error = asKafkaError(thrown, "produce");
    for (const lane of lanes) lane.failed(error);
  }
}
