import { compareKeys } from "@millrace/engine";
import type { AsOf, RowPosition } from "../query-request.ts";
import type { ShareRow } from "./share.ts";

/** The order of rows over all tasks: by window, then by key by code point, then as they stand in their group. */
export const compareRows = (a: RowPosition, b: RowPosition): number =>
  a.windowStart - b.windowStart || compareKeys(a.key, b.key) || a.rows - b.rows;

export type Share = { readonly rows: readonly ShareRow[]; readonly next: RowPosition | undefined };

/**
 * At most `limit` rows of all shares in their order, and where to go on. A share that has more says nothing of what lies behind its `next`,
 * so only what lies at or before the least of these is known to be in order; what a share gave beyond it is given again by the next slice.
 */
export function mergeShares(shares: readonly Share[], limit: number): Share {
  const [bound] = shares.flatMap(({ next }) => next ?? []).toSorted(compareRows);
  const sorted = shares.flatMap(({ rows }) => rows).toSorted((a, b) => compareRows(a.at, b.at));
  const end = bound === undefined ? -1 : sorted.findIndex(({ at }) => compareRows(at, bound) > 0);
  const known = end < 0 ? sorted : sorted.slice(0, end);
  const rows = known.slice(0, limit);
  if (rows.length < known.length) return { rows, next: rows.at(-1)!.at };
  return { rows, next: bound };
}

/**
 * What an answer of several owners is as of: the offset of each partition is its owner's, and the stream time that of the owner that is the most
 * behind, of those that have read anything at all.
 */
export function mergeAsOf(parts: readonly AsOf[]): AsOf {
  const times = parts.map(({ streamTime }) => streamTime).filter((time) => time >= 0);
  const offsets: Record<string, Record<string, string>> = {};
  for (const part of parts) for (const [topic, of] of Object.entries(part.offsets)) offsets[topic] = { ...offsets[topic], ...of };
  return { streamTime: times.length === 0 ? -1 : Math.min(...times), offsets };
}
