import type { HeaderList } from "#broker/record-batch.ts";
import { decodeHeaders, encodeHeaders } from "#broker/record-batch.ts";

/** Header names of dead letters; the record's own headers stand before them, its key and value bytes are the original ones. */
export const deadLetterHeader = {
  reason: "dlq.reason",
  node: "dlq.node",
  source: "dlq.source",
  detail: "dlq.detail",
} as const;

export type DeadLetter = { readonly reason: string; readonly node: string; readonly source: string; readonly detail: string | undefined };

export function encodeDeadLetterHeaders(original: Uint8Array, letter: DeadLetter): Uint8Array {
  const added: HeaderList = [
    [deadLetterHeader.reason, letter.reason],
    [deadLetterHeader.node, letter.node],
    [deadLetterHeader.source, letter.source],
    ...(letter.detail === undefined ? [] : [[deadLetterHeader.detail, letter.detail.slice(0, 1000)] as const]),
  ];
  return Buffer.concat([original, encodeHeaders(added)]);
}

/** What a dead letter says of itself, by header name; the last of a name counts. */
export function deadLetterOf(headers: Uint8Array): DeadLetter {
  const named = new Map(decodeHeaders(headers));
  return {
    reason: named.get(deadLetterHeader.reason) ?? "",
    node: named.get(deadLetterHeader.node) ?? "",
    source: named.get(deadLetterHeader.source) ?? "",
    detail: named.get(deadLetterHeader.detail),
  };
}
