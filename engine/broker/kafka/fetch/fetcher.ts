import { BrokerError } from "#broker/broker-error.ts";
import { earliest, type FetchedBatch, type FetchLimits, type Position } from "#broker/broker.ts";
import { listOffsets } from "#broker/kafka/admin/offsets.ts";
import type { ClusterSettings } from "#broker/kafka/wire/cluster.ts";
import { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { noRecords } from "#broker/record-batch.ts";
import { Bells } from "./bells.ts";
import type { PartitionAsk } from "./fetch-request.ts";
import { ReadAhead } from "./read-ahead.ts";
import { checkOffset, type PartitionRead, readPartitions } from "./read-partitions.ts";

export type FetcherSettings = {
  /** Bounds the answer of one leader, whatever the limits of a call allow. */
  readonly maxAnswerBytes?: number;
  /** How long a partition that moves, or has no leader, is asked again. */
  readonly deadlineMs?: number;
};

// Reading is answered at once, waiting after 5 s at the latest: what takes longer is a broker that is gone without a word.
const requestTimeoutMs = 10_000;

/** Where reading goes on, and whether that is where the log begins. */
type Ask = PartitionAsk & { readonly name: string; readonly fromEarliest: boolean };
type Read = Extract<PartitionRead, { kind: "read" }>;

/**
 * Reads committed records as the contract of `fetch` says: all leaders at the same time, of each the partitions first that have waited longest to be
 * served. When there is nothing it waits at the leaders (`Bells`) and reads what they have then. It knows nothing of who reads: where to read is in
 * each call, so that to seek, or to pause a partition, is to ask for something else.
 */
export class Fetcher {
  readonly #client;
  readonly #waiting;
  readonly #bells;
  readonly #maxAnswerBytes;
  readonly #deadlineMs;
  readonly #closing = new AbortController();
  readonly #topicIds = new Map<string, string>();
  /** In which turn a partition was served last. */
  readonly #served = new Map<string, number>();
  #turn = 0;
  readonly #ahead = new ReadAhead();
  /** Where the last call ended. */
  #lastNext: ReadonlyMap<string, bigint> = new Map();

  constructor(cluster: ClusterSettings, { maxAnswerBytes = 1 << 20, deadlineMs = 60_000 }: FetcherSettings = {}) {
    this.#client = new KafkaClient(cluster, "fetch", { requestTimeoutMs });
    this.#waiting = new KafkaClient(cluster, "wait", { requestTimeoutMs });
    this.#bells = new Bells({ waiting: this.#waiting, reading: this.#client });
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * `Broker.fetch`, for positions of different partitions. An end that `next` has reached is not older than the call.
   * @throws {BrokerError} `BROKER_OFFSET_OUT_OF_RANGE`, `BROKER_UNKNOWN_TOPIC`, `BROKER_CORRUPT`, `BROKER_CLOSED`
   * @throws {KafkaError} when a leader cannot be reached by the deadline
   */
  async fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    this.#checkOpen();
    try {
      const reads = await this.#read(await this.#asksOf(positions, limits.maxBytesPerPartition), limits);
      this.#checkOpen();
      return positions.flatMap((position) => fetchedOf(position, reads.get(nameOf(position))!));
    } catch (error) {
      this.#checkOpen();
      throw error;
    }
  }

  /** Lets go of fetches that wait; they throw `BROKER_CLOSED`. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#client.close(), this.#waiting.close()]);
  }

  /** What each partition has, by name: at least what it had when the call began. */
  async #read(asks: readonly Ask[], limits: FetchLimits): Promise<ReadonlyMap<string, Read>> {
    const { maxBytes, maxWaitMs } = limits;
    const until = performance.now() + maxWaitMs;
    const reads = await this.#takeAhead(asks);
    // What was read ahead up to an end that may have grown since, and what was not, is asked for now.
    let open = asks.flatMap((ask) => goingOn(ask, reads.get(ask.name)));
    for (;;) {
      for (const [name, read] of await this.#readAtOnce(open, maxBytes)) reads.set(name, behind(reads.get(name), read));
      const leftMs = until - performance.now();
      if (leftMs <= 0 || [...reads.values()].some(({ batches }) => batches.length > 0)) break;
      const further = asks.map((ask) => from(ask, reads.get(ask.name)!.next));
      // Behind aborted records and markers there may be more to read already.
      open = further.filter(({ name, offset }) => reads.get(name)!.byteLength > 0 && offset < reads.get(name)!.stableEnd);
      if (open.length > 0) continue;
      const rang = await this.#bells.wait(further, leftMs, this.#closing.signal);
      open = further.filter((ask) => rang.includes(ask));
      if (open.length === 0) break;
    }
    this.#goAhead(asks, { reads, maxBytes });
    return reads;
  }

  async #takeAhead(asks: readonly Ask[]): Promise<Map<string, Read>> {
    const taken = await Promise.all(asks.map((ask) => this.#ahead.take(ask)));
    const reads = new Map<string, Read>();
    for (const [i, { name }] of asks.entries()) {
      const read = taken[i];
      if (read?.kind !== "read") continue;
      reads.set(name, read);
      this.#noteServed(name, read);
    }
    return reads;
  }

  /** When calls go on where the one before ended, and that is far from the ends, the next answers may be under way while these are worked on. */
  #goAhead(asks: readonly Ask[], { reads, maxBytes }: { readonly reads: ReadonlyMap<string, Read>; readonly maxBytes: number }): void {
    const goesOn = asks.some(({ name, offset }) => this.#lastNext.get(name) === offset);
    this.#lastNext = new Map([...reads].map(([name, { next }]) => [name, next]));
    const far = goesOn ? asks.filter(({ name }) => reads.get(name)!.next < reads.get(name)!.stableEnd) : [];
    const further = this.#inTurn(far.map((ask) => from(ask, reads.get(ask.name)!.next)));
    const byLeader = Map.groupBy(further, ({ topic, partition }) => this.#client.known(topic)?.partitions[partition]?.leader);
    this.#ahead.start(byLeader.values(), (group) => this.#ask(group, { maxBytes, forMs: 0 }));
  }

  async #readAtOnce(asks: readonly Ask[], maxBytes: number): Promise<ReadonlyMap<string, Read>> {
    const reads = new Map<string, Read>();
    for (let open = this.#inTurn(asks); open.length > 0;) {
      const answers = await this.#ask(open, { maxBytes, forMs: this.#deadlineMs });
      this.#checkIds(open);
      const outside: Ask[] = [];
      for (const [i, ask] of open.entries()) {
        const answer = answers[i]!;
        if (answer.kind === "out-of-range") {
          outside.push(ask);
        } else {
          reads.set(ask.name, answer);
          this.#noteServed(ask.name, answer);
        }
      }
      open = await this.#inRange(outside);
    }
    return reads;
  }

  #ask(
    asks: readonly Ask[],
    { maxBytes, forMs }: { readonly maxBytes: number; readonly forMs: number },
  ): Promise<readonly PartitionRead[]> {
    const { signal } = this.#closing;
    return readPartitions(this.#client, asks, { maxBytes: Math.min(maxBytes, this.#maxAnswerBytes), maxWaitMs: 0, forMs, signal });
  }

  #inTurn(asks: readonly Ask[]): readonly Ask[] {
    return asks.toSorted((a, b) => (this.#served.get(a.name) ?? 0) - (this.#served.get(b.name) ?? 0));
  }

  #noteServed(name: string, { byteLength }: Read): void {
    if (byteLength > 0) this.#served.set(name, ++this.#turn);
  }

  /** Those that began where the log begins follow it; any other is an error, unless the partition holds it by now. */
  async #inRange(outside: readonly Ask[]): Promise<readonly Ask[]> {
    if (outside.length === 0) return [];
    const how = { forMs: this.#deadlineMs, signal: this.#closing.signal };
    const [starts, ends] = await Promise.all([
      listOffsets(this.#client, outside, { at: { kind: "earliest" }, ...how }),
      listOffsets(this.#client, outside, { at: { kind: "high-watermark" }, ...how }),
    ]);
    return outside.map((ask, i) => {
      const [start, end] = [starts[i]!.offset, ends[i]!.offset];
      if (ask.fromEarliest) return { ...ask, offset: start };
      if (ask.offset >= start && ask.offset <= end) return ask;
      throw new BrokerError("BROKER_OFFSET_OUT_OF_RANGE", `the partition holds offsets from ${start} up to ${end}`, {
        at: `${ask.name}@${ask.offset}`,
      });
    });
  }

  async #asksOf(positions: readonly Position[], maxBytes: number): Promise<readonly Ask[]> {
    const asks = positions.map(({ topic, partition, offset }): Ask => {
      const fromEarliest = offset === earliest;
      if (!fromEarliest) checkOffset(topic, partition, offset);
      return { topic, partition, offset, maxBytes, fromEarliest, name: nameOf({ topic, partition }) };
    });
    if (new Set(asks.map(({ name }) => name)).size < asks.length) throw new RangeError("a fetch asks for a partition twice");
    const unknown = asks.filter(({ fromEarliest }) => fromEarliest);
    if (unknown.length === 0) return asks;
    const how = { forMs: this.#deadlineMs, signal: this.#closing.signal };
    const starts = await listOffsets(this.#client, unknown, { at: { kind: "earliest" }, ...how });
    const byName = new Map(unknown.map(({ name }, i) => [name, starts[i]!.offset]));
    return asks.map((ask) => ({ ...ask, offset: byName.get(ask.name) ?? ask.offset }));
  }

  /** Offsets of a topic that was deleted mean nothing in another one of its name. */
  #checkIds(asks: readonly Ask[]): void {
    for (const { topic } of asks) {
      const id = this.#client.known(topic)?.id;
      if (id === undefined) continue;
      const first = this.#topicIds.get(topic) ?? id;
      this.#topicIds.set(topic, first);
      if (first !== id)
        throw new BrokerError("BROKER_UNKNOWN_TOPIC", "the topic was deleted and made again while it was read", { at: topic });
    }
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new BrokerError("BROKER_CLOSED", "the log is closed");
  }
}

const from = (ask: Ask, offset: bigint): Ask => ({ ...ask, offset, fromEarliest: false });

/** Where there is still something to ask, after what was read ahead. */
function goingOn(ask: Ask, read: Read | undefined): Ask[] {
  if (read === undefined) return [ask];
  return read.next < read.stableEnd ? [] : [from(ask, read.next)];
}

/** What was read of a partition, and what lies behind it. */
const behind = (first: Read | undefined, second: Read): Read =>
  first === undefined ? second : { ...second, batches: [...first.batches, ...second.batches] };

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}[${partition}]`;

function fetchedOf({ topic, partition }: Position, { batches, next, stableEnd, logStart }: Read): FetchedBatch[] {
  // After a change of leader the stable end may lag behind what was read before it.
  const end = stableEnd > next ? stableEnd : next;
  const none = { kind: "records", index: noRecords, baseOffset: next, appendedAtMs: 0, next } as const;
  return (batches.length === 0 ? [none] : batches).map(({ kind, index, baseOffset, appendedAtMs, next: behind }) => ({
    topic,
    partition,
    kind,
    count: index.count,
    index,
    baseOffset,
    appendedAtMs,
    next: behind,
    end,
    logStart,
  }));
}
