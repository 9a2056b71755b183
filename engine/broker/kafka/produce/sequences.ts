/** Sequence numbers are 31 bits wide. */
export const sequenceLimit = 2 ** 31;

/** Who produces: what a transaction coordinator or broker handed out; sequence numbers are counted for each pair. */
export type ProducerIdentity = { readonly producerId: bigint; readonly producerEpoch: number };

/** The next sequence number of each partition for one producer id and epoch. */
export class Sequences {
  readonly #next = new Map<string, number>();
  readonly #first: number;

  /** @param first where each partition begins; brokers take anything of a producer id they have never met, and 0 of a new epoch */
  constructor(first = 0) {
    this.#first = first;
  }

  next(topic: string, partition: number): number {
    return this.#next.get(`${partition}/${topic}`) ?? this.#first;
  }

  advance(topic: string, partition: number, count: number): void {
    this.#next.set(`${partition}/${topic}`, this.next(topic, partition) + count);
  }
}
