import { join } from "node:path";
import { earliest, keyTextOf, openEmbeddedBroker, type Position, valueOf } from "@millrace/engine";
import { projectedDecoder } from "#schemas/event-codec.ts";
import { schemaOf } from "#schemas/event-registry.ts";
import type { EventType } from "#schemas/event-types.ts";
import type { ReadRecord } from "./log-verdict.ts";

const written: readonly EventType[] = ["product.viewed", "cart.item_added", "order.created", "payment.attempted"];

/**
 * All records of the topics that a shopper's events go to, in the order of each partition, from the data folder of a server that has stopped. What
 * cannot be decoded has the id "". No door of a server reads events back, and this one owes nothing to what it judges but the log's own file.
 */
export async function* readLog(data: string): AsyncGenerator<ReadRecord> {
  const broker = openEmbeddedBroker({ path: join(data, "log.db") });
  try {
    for (const eventType of written) {
      const { topic } = schemaOf(eventType);
      const decode = projectedDecoder(eventType, ["eventId"]);
      for (let partition = 0; partition < broker.partitionsOf(topic); partition++) {
        let position: Position | undefined = { topic, partition, offset: earliest };
        while (position !== undefined) {
          const batches = await broker.fetch([position], { maxBytes: 4 << 20, maxBytesPerPartition: 4 << 20, maxWaitMs: 0 });
          position = undefined;
          for (const { kind, count, index, next, end } of batches) {
            if (next < end) position = { topic, partition, offset: next };
            else position = undefined;
            if (kind !== "records") continue;
            for (let i = 0; i < count; i++) {
              const decoded = decode(valueOf(index, i) ?? new Uint8Array());
              const eventId = decoded.kind === "decoded" ? String(decoded.event["eventId"]) : "";
              yield { topic, partition, key: keyTextOf(index, i), eventId };
            }
          }
        }
      }
    }
  } finally {
    await broker.close();
  }
}
