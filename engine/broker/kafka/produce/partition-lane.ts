import type { KafkaError } from "../wire/kafka-error.ts";

/** Error ids behind which a batch may lie in the log although nobody said so. */
const perhapsWritten = [
  "NETWORK",
  "REQUEST_TIMED_OUT",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  // Also the word of a leader that was deposed while it waited for its replicas.
  "NOT_LEADER_OR_FOLLOWER",
  "UNKNOWN_SERVER_ERROR",
  "KAFKA_STORAGE_ERROR",
];

/**
 * Sealed batches on their way to one partition, in order. However often they are sent, their bytes and so their sequence numbers stay the same,
 * and the broker tells a repetition from the last five batches of a producer it took. So no more than that are ever under way.
 */
export class PartitionLane {
  readonly topic: string;
  readonly partition: number;
  readonly batches: readonly Uint8Array[];
  /** Offset of the first record of each batch that is durable. */
  readonly bases: bigint[] = [];
  /** Batches that were sent in this attempt or are durable. */
  sent = 0;
  /** Why this attempt goes no further. */
  error: KafkaError | undefined;
  /** Why it is given up. */
  failure: KafkaError | undefined;
  /** The first batch that is not known to be durable may be. */
  uncertain = false;
  /** When it is given up, on the clock of `performance.now()`. */
  readonly until: number;

  constructor({ topic, partition }: { readonly topic: string; readonly partition: number }, batches: readonly Uint8Array[], until: number) {
    this.topic = topic;
    this.partition = partition;
    this.batches = batches;
    this.until = until;
  }

  get done(): boolean {
    return this.bases.length === this.batches.length;
  }

  /** The next batch to send in this attempt. */
  get next(): Uint8Array | undefined {
    return this.error === undefined ? this.batches[this.sent] : undefined;
  }

  /** Begins an attempt with the first batch that is not known to be durable. */
  rewind(): void {
    this.sent = this.bases.length;
    this.error = undefined;
  }

  written(base: bigint): void {
    // Behind a batch of this attempt that failed: it is sent once more, and recognized.
    if (this.error !== undefined) return;
    this.bases.push(base);
    this.uncertain = false;
  }

  /** It lies in the log already, though nobody has said so. */
  found(base: bigint): void {
    this.bases.push(base);
    this.sent = this.bases.length;
    this.uncertain = false;
  }

  failed(error: KafkaError): void {
    if (error.is(...perhapsWritten)) this.uncertain = true;
    this.error ??= error;
  }
}
