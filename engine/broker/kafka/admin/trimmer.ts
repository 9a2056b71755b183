import type { Position } from "#broker/broker.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { deleteRecords } from "./delete-records.ts";

/** Drops from internal topics what their readers have committed past. It only ever saves space: when it fails it is tried again later. */
export class Trimmer {
  readonly #client;
  readonly #everyMs;
  readonly #watched = new Set<string>();
  readonly #positions = new Map<string, Position>();
  #trimming: Promise<void> = Promise.resolve();
  #lastMs = performance.now();
  #closed = false;

  constructor(client: KafkaClient, everyMs: number) {
    this.#client = client;
    this.#everyMs = everyMs;
  }

  watch(topic: string): void {
    this.#watched.add(topic);
  }

  /** Everything before these positions is committed. */
  committed(positions: readonly Position[]): void {
    for (const position of positions)
      if (this.#watched.has(position.topic)) this.#positions.set(`${position.topic} ${position.partition}`, position);
    if (performance.now() - this.#lastMs < this.#everyMs || this.#positions.size === 0) return;
    void this.trim();
  }

  /** Trims what is known to be committed. */
  trim(): Promise<void> {
    this.#lastMs = performance.now();
    const positions = [...this.#positions.values()];
    this.#positions.clear();
    this.#trimming = this.#trimming.then(async () => {
      if (this.#closed || positions.length === 0) return;
      await deleteRecords(this.#client, positions, { forMs: 5000 }).then(
        () => undefined,
        () => undefined,
      );
    });
    return this.#trimming;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#trimming;
  }
}
