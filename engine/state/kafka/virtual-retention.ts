import type { Position, TopicSpec } from "#broker/broker.ts";
import { deleteRecords } from "#broker/kafka/admin/delete-records.ts";
import { listOffsets } from "#broker/kafka/admin/offsets.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";

type Seen = { readonly position: Position; readonly atMs: number };

/**
 * Kafka drops records by a clock of its own, a segment at a time. A suite that moves the clock by hand has what Kafka would have dropped by then
 * deleted, at the finest grain: the rest (log starts that move, positions that are gone) is Kafka's own.
 */
export class VirtualRetention {
  readonly #client;
  readonly #kept = new Map<string, { readonly partitions: number; readonly ms: number }>();
  #seen: Seen[] = [];
  #nowMs = 0;

  constructor(client: KafkaClient) {
    this.#client = client;
  }

  watch(specs: readonly TopicSpec[]): void {
    for (const { name, partitions, retention } of specs)
      if (retention.kind === "time") this.#kept.set(name, { partitions, ms: retention.ms });
  }

  async pass(ms: number): Promise<void> {
    const places = [...this.#kept].flatMap(([topic, { partitions }]) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
    if (places.length === 0) return;
    const ends = await listOffsets(this.#client, places, { at: { kind: "stable-end" } });
    // What lies before an end was appended by now.
    this.#seen.push(...ends.map((position) => ({ position, atMs: this.#nowMs })));
    this.#nowMs += ms;
    const old = this.#seen.filter(({ position, atMs }) => this.#nowMs - atMs >= this.#kept.get(position.topic)!.ms);
    this.#seen = this.#seen.filter((seen) => !old.includes(seen));
    const before = new Map<string, Position>();
    for (const { position } of old) before.set(`${position.topic} ${position.partition}`, position);
    await deleteRecords(this.#client, [...before.values()]);
  }
}
