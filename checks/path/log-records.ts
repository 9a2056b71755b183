import { decodeHeaders, earliest, headerBytesOf, keyTextOf, valueOf, type Broker, type Position } from "@millrace/engine";

/** A record as it lies on the log; `value` is a copy. */
export type LogRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly timestamp: number;
  readonly sequence: number;
  readonly value: Buffer;
  readonly headers: Uint8Array;
};

/** All records of some topics, in order per partition; marks of time are left out. */
export async function* logRecords(broker: Pick<Broker, "fetch">, topics: ReadonlyMap<string, number>): AsyncGenerator<LogRecord> {
  let positions: readonly Position[] = [...topics].flatMap(([topic, partitions]) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: earliest })),
  );
  while (positions.length > 0) {
    const fetched = await broker.fetch(positions, { maxBytes: 8 << 20, maxBytesPerPartition: 1 << 20, maxWaitMs: 0 });
    const next = new Map<string, Position>();
    for (const { topic, partition, kind, count, index, baseOffset, next: offset, end } of fetched) {
      const place = `${topic}/${partition}`;
      if (offset < end) next.set(place, { topic, partition, offset });
      else next.delete(place);
      if (kind !== "records") continue;
      for (let i = 0; i < count; i++) {
        yield {
          topic,
          partition,
          offset: baseOffset + BigInt(index.numbers[i]!),
          key: keyTextOf(index, i),
          timestamp: index.timestamps[i]!,
          sequence: index.sequences[i]!,
          value: Buffer.from(valueOf(index, i) ?? []),
          headers: Uint8Array.from(headerBytesOf(index, i)),
        };
      }
    }
    positions = [...next.values()];
  }
}

/** A record's headers by name; the last of a name counts. */
export const headersOf = (record: LogRecord): Readonly<Record<string, string>> => Object.fromEntries(decodeHeaders(record.headers));
