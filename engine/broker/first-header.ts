import { sequenceHeader } from "./kafka-headers.ts";
import type { BatchIndex } from "./record-batch.ts";

/**
 * Whether the first header of record i is named `name`, ours alone in Kafka left out: a few bytes are looked at, and nothing is made.
 * `name` is ASCII, at most 63 bytes.
 */
export function beginsWithHeader({ bytes, headerStarts, headerLengths, headerFormat }: BatchIndex, i: number, name: Buffer): boolean {
  if (headerLengths[i]! === 0) return false;
  const start = headerStarts[i]!;
  if (headerFormat === "frame") return bytes[start + 1] === name.length && bytes[start] === 0 && isAt(bytes, start + 2, name);
  // The number of headers is a varint; one byte is nearly always all of it.
  let at = start;
  while (bytes[at]! >= 0x80) at += 1;
  at += 1;
  // Names of so few bytes have a zigzag length of one byte; the sequence's value has 8.
  if (bytes[at] === sequenceHeader.length * 2 && isAt(bytes, at + 1, sequenceHeader)) at += 1 + sequenceHeader.length + 1 + 8;
  return bytes[at] === name.length * 2 && isAt(bytes, at + 1, name);
}

function isAt(bytes: Buffer, start: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
