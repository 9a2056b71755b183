import { type BatchIndex, valueOf } from "#broker/record-batch.ts";
import type { SourcePlan } from "./plan.ts";

/** The value of record `at`, read where it lies if its source can do that. @throws what the source's decoder throws */
export function decodeValue(source: SourcePlan, index: BatchIndex, at: number): unknown {
  const length = index.valueLengths[at]!;
  if (source.decodeAt === undefined || length < 0) return source.decode(valueOf(index, at));
  const from = index.valueStarts[at]!;
  return source.decodeAt(index.bytes, from, from + length);
}
