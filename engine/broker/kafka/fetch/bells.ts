import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import type { TopicPartition } from "#broker/kafka/wire/leaders.ts";
import { fetchRequest, type PartitionAsk } from "./fetch-request.ts";
import { addressed, plainId } from "./read-partitions.ts";

/** One request that hangs at a leader; settles with the asks for which there is something, or with none when its time is up. */
type Bell = { readonly offsets: ReadonlyMap<string, bigint>; readonly rung: Promise<readonly PartitionAsk[]>; settled: boolean };

const longestMs = 5000;
const pauseAfterFailureMs = 100;

/**
 * Waits until leaders have something to read, on connections of their own: a broker serves a connection's requests one after the other, and reading
 * must not queue up behind waiting. What an answer holds is not used, only that it came: whoever waits reads at once then, so that a bell that was
 * hung for an earlier call, or given up, can neither lose records nor give them twice.
 */
export class Bells {
  readonly #waiting;
  readonly #reading;
  readonly #hanging = new Map<number, Bell>();

  /** `reading` knows the topics that are waited for, `waiting` has the connections. */
  constructor({ waiting, reading }: { readonly waiting: KafkaClient; readonly reading: KafkaClient }) {
    this.#waiting = waiting;
    this.#reading = reading;
  }

  /** The asks for which there is something to read, or to complain about; none when `maxWaitMs` is over or the signal was given. */
  async wait(asks: readonly PartitionAsk[], maxWaitMs: number, signal: AbortSignal): Promise<readonly PartitionAsk[]> {
    const until = performance.now() + maxWaitMs;
    const { promise: over, resolve: end } = Promise.withResolvers<undefined>();
    const stop = (): void => end(undefined);
    const timer = setTimeout(stop, maxWaitMs);
    signal.addEventListener("abort", stop);
    try {
      const byLeader = Map.groupBy(asks, ({ topic, partition }) => this.#reading.known(topic)?.partitions[partition]?.leader ?? -1);
      while (!signal.aborted) {
        const bells = [...byLeader].map(([node, asked]) => this.#bell(node, asked, until - performance.now()));
        if ((await Promise.race([over, ...bells.map(({ rung }) => rung)])) === undefined) break;
        const rang = await Promise.all(bells.filter(({ settled }) => settled).map(({ rung }) => rung));
        const heard = new Map(rang.flat().map((ask) => [nameOf(ask), ask.offset]));
        const found = asks.filter((ask) => heard.get(nameOf(ask)) === ask.offset);
        if (found.length > 0) return found;
      }
      return [];
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** The bell that hangs there already, when it rings for all of these. */
  #bell(node: number, asks: readonly PartitionAsk[], maxWaitMs: number): Bell {
    const hanging = this.#hanging.get(node);
    if (hanging !== undefined && !hanging.settled && asks.every((ask) => hanging.offsets.get(nameOf(ask)) === ask.offset)) return hanging;
    const hung = this.#hang(node, asks, Math.max(1, Math.min(maxWaitMs, longestMs)));
    const bell: Bell = {
      offsets: new Map(asks.map((ask) => [nameOf(ask), ask.offset])),
      rung: hung.finally(() => (bell.settled = true)),
      settled: false,
    };
    this.#hanging.set(node, bell);
    return bell;
  }

  async #hang(node: number, asks: readonly PartitionAsk[], maxWaitMs: number): Promise<readonly PartitionAsk[]> {
    try {
      const topics = new Map(asks.map(({ topic }) => [topic, this.#reading.known(topic)!]));
      const smallest = asks.map((ask) => ({ ...ask, maxBytes: 1 }));
      const request = fetchRequest(addressed(smallest, topics), { maxBytes: 1, maxWaitMs });
      const answers = await this.#waiting.send(node, request, "wait for records");
      const rang = answers.filter(({ error, records }) => error !== "NONE" || records.length > 0);
      const byId = new Map([...topics.values()].map((topic) => [plainId(topic), topic.name]));
      const names = new Set(rang.map(({ topicId, partition }) => nameOf({ topic: byId.get(topicId) ?? "", partition })));
      return asks.filter((ask) => names.has(nameOf(ask)));
    } catch {
      // Reading will find out what is wrong, and whether it lasts.
      await sleep(pauseAfterFailureMs);
      return asks;
    }
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}[${partition}]`;
