import { crc32 } from "node:zlib";
import { indexBatch, valueOf } from "@millrace/engine";

/** Counts output records and sums up their values' checksums, whatever their order over partitions. */
export class OutputSum {
  count = 0;
  checksum = 0;

  add(frame: Uint8Array, count: number): void {
    const index = indexBatch(frame, count);
    for (let i = 0; i < count; i++) this.checksum = (this.checksum + crc32(valueOf(index, i)!)) % 2 ** 32;
    this.count += count;
  }
}
