import { KafkaBatchWriter } from "../../engine/broker/kafka/codec/batch-writer.ts";
import { IdempotentProducer } from "../../engine/broker/kafka/produce/idempotent-producer.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import type { InputRecord } from "./inputs/generate.ts";

/** Records of one request, some 2 MB. */
const chunk = 10_000;

/** Writes records into the partitions that they name, in order; what was added waits in memory until `send`. */
export class Loader {
  records = 0;
  readonly #topic: string;
  readonly #writers: readonly KafkaBatchWriter[];
  readonly #producer: IdempotentProducer;

  constructor(client: KafkaClient, topic: string, partitions: number) {
    this.#topic = topic;
    this.#writers = Array.from({ length: partitions }, () => new KafkaBatchWriter());
    this.#producer = new IdempotentProducer({ client });
  }

  add({ partition, key, timestamp, value }: InputRecord): void {
    this.#writers[partition]!.addRecord(Buffer.from(key, "latin1"), Buffer.from(value, "latin1"), timestamp);
    this.records += 1;
  }

  /** Resolves when all that was added is in the log. @throws {Error} when something is not */
  async send(): Promise<void> {
    const taken = this.#writers.map((writer, partition) => ({ topic: this.#topic, partition, batches: writer.take() }));
    for (const outcome of await this.#producer.send(taken.filter(({ batches }) => batches.length > 0))) {
      if (outcome.kind === "failed") throw outcome.error;
    }
  }

  /** Adds and sends all of them, one lot while the next is made. @throws {Error} when something is not in the log */
  async load(records: Iterable<InputRecord>): Promise<void> {
    let sending = Promise.resolve();
    for (const record of records) {
      this.add(record);
      if (this.records % chunk > 0) continue;
      await sending;
      sending = this.send();
      // Thrown by the next wait for it.
      sending.catch(() => undefined);
    }
    await sending;
    await this.send();
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }
}
