import { readBatchHeader } from "#broker/kafka/codec/batch-header.ts";
import { checkBatch, type DecodedPart, decodeBatch } from "#broker/kafka/codec/decode-batch.ts";
import type { AbortedTransaction } from "./fetch-answer.ts";

/** Committed records of one batch; `next` is where to read on behind them, over all that readers do not see. */
export type CommittedBatch = DecodedPart & { readonly baseOffset: bigint; readonly appendedAtMs: number };
export type CommittedRead = { readonly batches: readonly CommittedBatch[]; readonly next: bigint };

/** What the batches of an answer may inflate to together: some bytes of an answer may hold very many. The one that is begun comes whole. */
export type Room = { leftBytes: number };
const mostInflatedBytes = 64 << 20;
/** For one answer of a leader, all of its partitions. */
export const roomOfAnswer = (): Room => ({ leftBytes: mostInflatedBytes });

/**
 * The committed records of a partition's answer, from the position on at which it was asked; the batch that holds the position comes whole.
 * A producer's records are left out from where one of its aborted transactions begins up to its next marker (KIP-98). Batches without records,
 * which compaction leaves, markers and aborted ones move `next` on. Where there is no more room, `next` is what was not read.
 *
 * @throws {BrokerError} `BROKER_CORRUPT`
 */
export function committedBatches(
  { records, aborted, room = roomOfAnswer() }: { readonly records: Buffer; readonly aborted: readonly AbortedTransaction[]; room?: Room },
  from: bigint,
  where: string,
): CommittedRead {
  const batches: CommittedBatch[] = [];
  const dead = new Set<bigint>();
  let begun = 0;
  let next = from;
  for (let at = 0; ;) {
    const header = readBatchHeader(records, at, where);
    if (header === undefined) break;
    const { nextOffset, producerId } = header;
    for (; begun < aborted.length && aborted[begun]!.first < nextOffset; begun++) dead.add(aborted[begun]!.producerId);
    const unseen = header.control || (header.transactional && dead.has(producerId)) || nextOffset <= from;
    if (unseen) {
      checkBatch(records, at, header, where);
      // Whichever marker it is, also one that compaction has emptied: the producer's transaction ends with it.
      if (header.control) dead.delete(producerId);
    } else {
      // What lies behind is asked for again.
      if (room.leftBytes <= 0) break;
      for (const part of decodeBatch(records, at, header, where)) {
        room.leftBytes -= part.index.bytes.length;
        if (part.next <= from) continue;
        batches.push({ ...part, baseOffset: header.baseOffset, appendedAtMs: header.maxTimestamp });
      }
    }
    if (nextOffset > next) next = nextOffset;
    at += header.byteLength;
  }
  const last = batches.at(-1);
  if (last !== undefined && last.next < next) batches[batches.length - 1] = { ...last, next };
  return { batches, next };
}
