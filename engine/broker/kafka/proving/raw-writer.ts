import {
  type CreateRecordsBatchOptions,
  endTxnV4,
  initProducerIdV5,
  produceV11,
  ResponseError,
  txnOffsetCommitV4,
} from "@platformatic/kafka";
import { KafkaError } from "../wire/kafka-error.ts";
import { type KafkaClient, request } from "../wire/kafka-client.ts";
import { persist } from "../wire/persist.ts";

export type RawRecord = { readonly key?: string | null; readonly value: string | null; readonly timestamp?: number };
export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

// Transactions of version 2 (KIP-890), as kafka-client.md, section 2.2, saw them.
const produceV12 = request(0, 12, produceV11.createRequest, produceV11.parseResponse);
const txnOffsetCommitV5 = request(28, 5, txnOffsetCommitV4.createRequest, txnOffsetCommitV4.parseResponse);
const endTxnV5 = request(26, 5, endTxnV4.createRequest, (_id, key, version, reader) => {
  const answer = {
    throttleTimeMs: reader.readInt32(),
    errorCode: reader.readInt16(),
    producerId: reader.readInt64(),
    producerEpoch: reader.readInt16(),
  };
  reader.readTaggedFields();
  if (answer.errorCode !== 0) throw new ResponseError(key, version, { "/": [answer.errorCode, null] }, answer);
  return answer;
});

/**
 * Writes to Kafka by the library's own encoder and by hand, for tests: each `write` is one record batch, in a transaction when the writer has a
 * transactional id, and then nothing is committed before `end` says so.
 */
export class RawWriter {
  readonly #client;
  readonly #id: string | undefined;
  #producerId = -1n;
  #epoch = -1;
  #next = new Map<string, number>();

  private constructor(client: KafkaClient, transactionalId: string | undefined) {
    this.#client = client;
    this.#id = transactionalId;
  }

  /** With a transactional id: ends what a predecessor of that id left open. */
  static async open(client: KafkaClient, transactionalId?: string, timeoutMs = 60_000): Promise<RawWriter> {
    const writer = new RawWriter(client, transactionalId);
    if (transactionalId !== undefined) {
      const answer = await persist("init producer", { forMs: 20_000 }, async (refresh) => {
        const node = await client.coordinator("transaction", transactionalId, refresh);
        return client.ask(node, initProducerIdV5.api, [transactionalId, timeoutMs, -1n, -1], "init producer");
      });
      writer.#become(answer);
    }
    return writer;
  }

  /** Numbers its batches for the broker, but has no transactions. */
  static async openIdempotent(client: KafkaClient): Promise<RawWriter> {
    const writer = new RawWriter(client, undefined);
    writer.#become(
      await persist("init producer", { forMs: 20_000 }, () => client.ask("any", initProducerIdV5.api, [null, 0, -1n, -1], "init producer")),
    );
    return writer;
  }

  /** Offset of the first record of the batch. */
  async write(topic: string, partition: number, records: readonly RawRecord[], compression: Compression = "none"): Promise<bigint> {
    const to = `${topic}:${partition}`;
    const firstSequence = this.#next.get(to) ?? 0;
    const sequences = { getWithDefault: () => firstSequence } as unknown as CreateRecordsBatchOptions["sequences"];
    const api = this.#id === undefined ? produceV11.api : produceV12;
    const numbered = { producerId: this.#producerId, producerEpoch: this.#epoch };
    const producer = this.#producerId < 0n ? {} : { ...numbered, ...(this.#id === undefined ? {} : { transactionalId: this.#id }) };
    const answer = await persist("produce", { forMs: 20_000 }, async (refresh) => {
      const messages = records.map(({ key = "key", value, timestamp = Date.now() }) => ({
        topic,
        partition,
        timestamp: BigInt(timestamp),
        // The library's types know no nulls, its encoder does.
        key: (key === null ? null : Buffer.from(key)) as Buffer,
        value: (value === null ? null : Buffer.from(value)) as Buffer,
      }));
      const node = await this.#client.leader(topic, partition, refresh);
      return this.#client.ask(node, api, [-1, 10_000, messages, { ...producer, sequences, compression }], "produce");
    });
    this.#next.set(to, firstSequence + records.length);
    if (typeof answer === "boolean") throw new KafkaError("a produce request was not answered", []);
    return answer.responses[0]!.partitionResponses[0]!.baseOffset;
  }

  /** Offsets and their metadata go with the transaction; outside of any generation of the group. */
  async offsets(
    group: string,
    topic: string,
    offsets: readonly (readonly [partition: number, offset: bigint, metadata: string])[],
  ): Promise<void> {
    const partitions = offsets.map(([partitionIndex, committedOffset, committedMetadata]) => ({
      partitionIndex,
      committedOffset,
      committedMetadata,
      committedLeaderEpoch: -1,
    }));
    await persist("offsets", { forMs: 20_000 }, async (refresh) => {
      const node = await this.#client.coordinator("group", group, refresh);
      const topics = [{ name: topic, partitions }];
      return this.#client.ask(node, txnOffsetCommitV5, [this.#id!, group, this.#producerId, this.#epoch, -1, "", null, topics], "offsets");
    });
  }

  async end(how: "commit" | "abort"): Promise<void> {
    const answer = await persist("end transaction", { forMs: 20_000 }, async (refresh) => {
      const node = await this.#client.coordinator("transaction", this.#id!, refresh);
      return this.#client.ask(node, endTxnV5, [this.#id!, this.#producerId, this.#epoch, how === "commit"], "end transaction");
    });
    this.#become(answer);
  }

  #become({ producerId, producerEpoch }: { readonly producerId: bigint; readonly producerEpoch: number }): void {
    this.#producerId = producerId;
    this.#epoch = producerEpoch;
    this.#next = new Map();
  }
}
