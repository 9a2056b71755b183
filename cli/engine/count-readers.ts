import { Gauge, type Registry } from "prom-client";
import type { Streams } from "#queries/stream/streams.ts";

/** Tells Prometheus how many streams are being read. */
export function countReaders(streams: Pick<Streams, "readerCount">, registry: Registry): void {
  new Gauge({
    name: "millrace_stream_readers",
    help: "Streams of queries that are being read.",
    registers: [registry],
    collect() {
      this.set(streams.readerCount);
    },
  });
}
