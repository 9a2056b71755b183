import { setTimeout as sleep } from "node:timers/promises";
import { noHeaders, RecordBatchBuilder, type RecordBatch } from "@millrace/engine";
import { appendBatches } from "#engine/broker/kafka/append.ts";
import { IdempotentProducer } from "#engine/broker/kafka/produce/idempotent-producer.ts";
import type { ClusterSettings } from "#engine/broker/kafka/wire/cluster.ts";
import { KafkaClient } from "#engine/broker/kafka/wire/kafka-client.ts";
import { flushKey } from "./smoke/flush-key.ts";
import type { SmokeGenerator, SmokeRecord } from "./smoke/generator.ts";
import { numberCodec } from "./smoke/number-codec.ts";

const beatMs = 20;
/** Nothing is ever given up: who sends a pair again under another number would be the one who doubles it. */
const deadlineMs = 30 * 60_000;
/** Records that wait for an answer at most. */
const mostPending = 2000;
const batchRecords = 500;

export type ProducerOptions = {
  readonly cluster: ClusterSettings;
  readonly topic: string;
  readonly partitions: number;
  readonly generator: SmokeGenerator;
  readonly recordsPerSecond: number;
};

/** Sends what the generator makes, at a steady rate, by the door that the gateway uses; each key's records in their order. */
export class SmokeProducer {
  readonly #options;
  readonly #client: KafkaClient;
  readonly #producer: IdempotentProducer;
  readonly #acknowledged: SmokeRecord[] = [];
  #pending = 0;
  #paused = false;
  #done = false;
  #failure: unknown;
  #running: Promise<void> | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#client = new KafkaClient(options.cluster, "smoke");
    this.#producer = new IdempotentProducer({ client: this.#client, deadlineMs });
  }

  /** In the order of sending. */
  get acknowledged(): readonly SmokeRecord[] {
    return this.#acknowledged;
  }

  /** Records that nobody has answered for yet. */
  get pending(): number {
    return this.#pending;
  }

  start(): void {
    this.#running = this.#run();
    this.#running.catch(() => undefined);
  }

  /** Sends nothing until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** Throws what went wrong, if anything did. */
  check(): void {
    // oxlint-disable-next-line typescript/only-throw-error: it is thrown as it came
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sends the rest of all keys that have begun, then the records that close every window; settles when all of it is acknowledged. */
  async finish(): Promise<void> {
    const { generator, partitions } = this.#options;
    generator.finish();
    this.resume();
    await this.#running;
    const flush: SmokeRecord = { key: flushKey, value: 0, timestamp: generator.flushTime };
    await this.#append(Array.from({ length: partitions }, (_, partition) => ({ partition, records: [flush] })));
  }

  async close(): Promise<void> {
    this.#done = true;
    await this.#running?.catch(() => undefined);
    await this.#producer.close(1000);
    await this.#client.close();
  }

  async #run(): Promise<void> {
    const { generator, recordsPerSecond } = this.#options;
    let credit = 0;
    for (let last = performance.now(); !this.#done;) {
      this.check();
      await sleep(beatMs);
      const now = performance.now();
      credit = Math.min(credit + ((now - last) * recordsPerSecond) / 1000, batchRecords);
      last = now;
      if (this.#paused || this.#pending >= mostPending) continue;
      const records: SmokeRecord[] = [];
      while (records.length < credit) {
        const record = generator.next();
        if (record === undefined) {
          this.#done = true;
          break;
        }
        records.push(record);
      }
      credit = Math.max(0, credit - records.length);
      if (records.length > 0) void this.#send(records);
    }
    while (this.#pending > 0) {
      this.check();
      await sleep(beatMs);
    }
    this.check();
  }

  async #send(records: readonly SmokeRecord[]): Promise<void> {
    this.#pending += records.length;
    const { generator } = this.#options;
    // They stand in the order of sending from the start: all of it is acknowledged in the end, or the run fails.
    this.#acknowledged.push(...records);
    const parts = Map.groupBy(records, ({ key }) => generator.partitionOf(key));
    try {
      await this.#append(Array.from(parts, ([partition, some]) => ({ partition, records: some })));
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#pending -= records.length;
    }
  }

  async #append(parts: readonly { readonly partition: number; readonly records: readonly SmokeRecord[] }[]): Promise<void> {
    const { topic } = this.#options;
    const batches = parts.map(({ partition, records }): RecordBatch => {
      const builder = new RecordBatchBuilder();
      for (const { key, value, timestamp } of records)
        builder.append({ timestamp, sequence: 0, key, value: numberCodec.encode(value), headers: noHeaders });
      return { topic, partition, kind: "records", ...builder.take()! };
    });
    const answers = await appendBatches(this.#producer, batches, "zstd");
    const refused = answers.find(({ kind }) => kind !== "appended");
    if (refused?.kind === "retry") throw new Error(`a batch was given up: ${refused.reason}`);
  }
}
