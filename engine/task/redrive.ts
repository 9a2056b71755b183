import { beginsWithHeader } from "#broker/first-header.ts";
import { type BatchIndex, decodeHeaders, encodeHeaders, headerBytesOf, type HeaderList } from "#broker/record-batch.ts";

/** For whom a redriven record is, and what it was. */
export type Redrive = {
  /** Who reads the topic in the name of another group lets it be. */
  readonly group: string;
  /** The one node that has not had it yet; undefined: none of the group has. */
  readonly node: string | undefined;
  /** That node had let it in before it refused it. */
  readonly letIn: boolean;
  /** The letter that it was: `topic/partition/offset`. */
  readonly letter: string;
  /** The record that was set aside first, the same however often it is redriven: `topic/partition/offset`. */
  readonly origin: string;
};

const header = "redrive";
const headerName = Buffer.from(header);

/** It stands before the record's own headers, so that a reader's first look tells. */
export function encodeRedriveHeaders(redrive: Redrive, own: HeaderList): Buffer {
  return encodeHeaders([[header, JSON.stringify(redrive)], ...own.filter(([name]) => name !== header)]);
}

/** What a record is redriven as, and its own headers; undefined for nearly all records, which costs a look at some bytes. */
export function redriveOf(index: BatchIndex, i: number): { readonly redrive: Redrive; readonly headers: Buffer } | undefined {
  if (!beginsWithHeader(index, i, headerName)) return undefined;
  const [[, text], ...own] = decodeHeaders(headerBytesOf(index, i)) as [readonly [string, string], ...HeaderList];
  const redrive = redriveIn(text);
  return redrive && { redrive, headers: encodeHeaders(own) };
}

/** The same among headers that are decoded. */
export const redriveAmong = (headers: HeaderList): Redrive | undefined =>
  headers[0]?.[0] === header ? redriveIn(headers[0][1]) : undefined;

/** A header of this name that others wrote is none of ours. */
function redriveIn(text: string): Redrive | undefined {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof said !== "object" || said === null) return undefined;
  const { group, node, letIn, letter, origin } = said as Partial<Record<keyof Redrive, unknown>>;
  if (typeof group !== "string" || typeof letter !== "string" || typeof origin !== "string") return undefined;
  return { group, node: typeof node === "string" ? node : undefined, letIn: letIn === true, letter, origin };
}
