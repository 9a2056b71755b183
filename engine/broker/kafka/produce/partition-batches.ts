import type { OpenBatch } from "../codec/batch-writer.ts";

/** Batches for one partition, in the order in which they are to lie there. */
export type PartitionBatches = { readonly topic: string; readonly partition: number; readonly batches: readonly OpenBatch[] };

/** Offset of the first record of each batch; those of its other records follow without a gap. */
export type WrittenBatches = { readonly topic: string; readonly partition: number; readonly bases: readonly bigint[] };
