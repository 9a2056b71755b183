import { type CheckedBatch, numberAt, nextRecord } from "./offset-gaps.ts";

/** A batch is read as a whole: larger ones are left as they are. */
const mostBytes = 256 << 10;

/**
 * One batch for each partition and kind, of all that one commit writes there, in the same order and at the same offsets. Each task of a
 * repartition writes a few records to each partition of it; a row for each pair would cost more than the records.
 */
export function mergeBatches(batches: readonly CheckedBatch[]): readonly CheckedBatch[] {
  const groups: CheckedBatch[][] = [];
  const open = new Map<string, CheckedBatch[]>();
  for (const checked of batches) {
    const { topic, partition, kind, bytes } = checked.batch;
    const place = `${kind} ${topic} ${partition}`;
    const group = open.get(place);
    if (group !== undefined && bytesOf(group) + bytes.length <= mostBytes) group.push(checked);
    else {
      const begun = [checked];
      open.set(place, begun);
      groups.push(begun);
    }
  }
  return groups.length === batches.length ? batches : groups.map(merged);
}

function merged(group: readonly CheckedBatch[]): CheckedBatch {
  const first = group[0]!;
  if (group.length === 1) return first;
  const bytes = new Uint8Array(bytesOf(group));
  const view = new DataView(bytes.buffer);
  let at = 0;
  let count = 0;
  let span = 0;
  for (const { batch, span: own, gapBefore } of group) {
    bytes.set(batch.bytes, at);
    // Numbers count from the first batch's base.
    const moved = at === 0 ? 0 : span + gapBefore;
    for (const end = at + batch.bytes.length; at < end; at = nextRecord(view, at)) {
      view.setInt32(at + numberAt, view.getInt32(at + numberAt) + moved);
    }
    span = moved + own;
    count += batch.count;
  }
  return { batch: { ...first.batch, count, bytes }, span, gapBefore: first.gapBefore };
}

const bytesOf = (group: readonly CheckedBatch[]): number => group.reduce((sum, { batch }) => sum + batch.bytes.length, 0);
