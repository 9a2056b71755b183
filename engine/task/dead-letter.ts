import type { HeaderList } from "#broker/record-batch.ts";
import { decodeHeaders, encodeHeaders } from "#broker/record-batch.ts";

/** Header names of dead letters; the record's own headers stand before them, its key and value bytes are the original ones. */
export const deadLetterHeader = {
  reason: "dlq.reason",
  node: "dlq.node",
  source: "dlq.source",
  group: "dlq.group",
  extent: "dlq.extent",
  detail: "dlq.detail",
} as const;

/** `record`: nothing of its group had done anything with it; `node`: that node alone had not. */
export type LetterExtent = "record" | "node";

/** `group`: who set it aside, and for whom alone it can come back. */
export type DeadLetter = {
  readonly reason: string;
  readonly node: string;
  readonly source: string;
  readonly group: string;
  readonly extent: LetterExtent;
  readonly detail: string | undefined;
};

export function encodeDeadLetterHeaders(original: Uint8Array, letter: DeadLetter): Uint8Array {
  const added: HeaderList = [
    [deadLetterHeader.reason, letter.reason],
    [deadLetterHeader.node, letter.node],
    [deadLetterHeader.source, letter.source],
    [deadLetterHeader.group, letter.group],
    [deadLetterHeader.extent, letter.extent],
    ...(letter.detail === undefined ? [] : [[deadLetterHeader.detail, letter.detail.slice(0, 1000)] as const]),
  ];
  return Buffer.concat([original, encodeHeaders(added)]);
}

/** What a dead letter says of itself, by header name; the last of a name counts. `group` is empty in letters of versions that did not say it. */
export function deadLetterOf(headers: Uint8Array): DeadLetter {
  const named = new Map(decodeHeaders(headers));
  return {
    reason: named.get(deadLetterHeader.reason) ?? "",
    node: named.get(deadLetterHeader.node) ?? "",
    source: named.get(deadLetterHeader.source) ?? "",
    group: named.get(deadLetterHeader.group) ?? "",
    extent: named.get(deadLetterHeader.extent) === "record" ? "record" : "node",
    detail: named.get(deadLetterHeader.detail),
  };
}

/** The headers that the record had before it was set aside. */
export function headersBeforeLetter(headers: HeaderList): HeaderList {
  const letter = headers.findLastIndex(([name]) => name === deadLetterHeader.reason);
  return letter < 0 ? headers : headers.slice(0, letter);
}
