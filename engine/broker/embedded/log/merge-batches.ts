import { type CheckedBatch, numberAt, nextRecord } from "./offset-gaps.ts";

/** A batch is read as a whole: larger ones are left as they are. */
const mostBytes = 256 << 10;

type Group = { readonly parts: CheckedBatch[]; bytes: number };

/**
 * One batch for each partition and kind, of all that one commit writes there, in the same order and at the same offsets. Each task of a
 * repartition writes a few records to each partition of it; a row for each pair would cost more than the records.
 */
export function mergeBatches(batches: readonly CheckedBatch[]): readonly CheckedBatch[] {
  const groups: Group[] = [];
  const open = new Map<string, Group>();
  for (const checked of batches) {
    const { topic, partition, kind, bytes } = checked.batch;
    const place = `${kind} ${topic} ${partition}`;
    const group = open.get(place);
    if (group !== undefined && group.bytes + bytes.length <= mostBytes) {
      group.parts.push(checked);
      group.bytes += bytes.length;
    } else {
      const begun = { parts: [checked], bytes: bytes.length };
      open.set(place, begun);
      groups.push(begun);
    }
  }
  return groups.length === batches.length ? batches : groups.map(merged);
}

function merged({ parts, bytes: size }: Group): CheckedBatch {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  let count = 0;
  let span = 0;
  for (const { batch, span: own, gapBefore } of parts) {
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
