import type { RecordBatch } from "#broker/broker.ts";
import { decodeHeaders, headerBytesOf, keyOf, noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { headersBeforeLetter } from "#task/dead-letter.ts";
import { encodeRedriveHeaders, type Redrive } from "#task/redrive.ts";
import { type LetterPlace, topicOfLetters } from "./letter-place.ts";
import type { ReadLetter } from "./read-letters.ts";

/** A letter that is to be settled; without `redrive` it is dropped. */
export type ChosenLetter = {
  readonly place: LetterPlace;
  readonly redrive: Redrive | undefined;
  readonly record: Parameters<RecordBatchBuilder["append"]>[0];
  readonly bytes: number;
};

/** Copies: the batch it lies in is gone by the time it is written. */
export function chosenOf({ place, index, i }: ReadLetter, redrive: Redrive | undefined): ChosenLetter {
  const headers = headersBeforeLetter(decodeHeaders(headerBytesOf(index, i)));
  const key = keyOf(index, i);
  const value = valueOf(index, i);
  const record = {
    timestamp: index.timestamps[i]!,
    sequence: index.sequences[i]!,
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    headers: redrive === undefined ? noHeaders : encodeRedriveHeaders(redrive, headers),
  };
  return { place, redrive, record, bytes: (value?.length ?? 0) + record.headers.length + 64 };
}

/** Letters of one partition as records of the same partition of their topic, in their order. */
export function redriven(chosen: readonly ChosenLetter[]): RecordBatch[] {
  const builder = new RecordBatchBuilder();
  for (const { redrive, record } of chosen) if (redrive !== undefined) builder.append(record);
  const frame = builder.take();
  if (frame === undefined) return [];
  const { topic, partition } = chosen[0]!.place;
  return [{ topic: topicOfLetters(topic), partition, kind: "records", ...frame }];
}
