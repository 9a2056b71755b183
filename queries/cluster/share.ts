import type { StreamAnswer, StreamRequest } from "../stream/stream-request.ts";
import type { AsOf, QueryRequest, RowPosition, UnavailableCode } from "../query-request.ts";

/**
 * What one owner is asked of the tasks that it has: rows, how far they are, to wait until they have committed past positions (`offset` as text), or what changes.
 * Plain data that crosses threads and, as JSON, processes. Bounds are absolute.
 */
export type ShareRequest =
  | ({ readonly kind: "rows"; readonly partitions: readonly number[] } & Pick<
      QueryRequest,
      "query" | "format" | "filters" | "from" | "to" | "limit" | "position" | "order"
    >)
  | { readonly kind: "as-of"; readonly query: string; readonly partitions: readonly number[] }
  | {
      readonly kind: "passed";
      readonly subTopology: string;
      readonly positions: readonly { readonly topic: string; readonly partition: number; readonly offset: string }[];
      readonly waitMs: number;
    }
  /** What streams ask of a worker's thread, of all its tasks of the query. */
  | { readonly kind: "stream"; readonly asked: StreamRequest & { readonly partitions: readonly number[] } };

/** A row's text in the asked format, where it stands, and, where an order was asked for, its cell there as `cellText` writes it. */
export type ShareRow = { readonly at: RowPosition; readonly text: string; readonly cell: string | null };

/** `next` is where the share goes on; undefined when it has no more. */
export type ShareAnswer =
  | { readonly kind: "rows"; readonly asOf: AsOf; readonly rows: readonly ShareRow[]; readonly next: RowPosition | undefined }
  | { readonly kind: "as-of"; readonly asOf: AsOf }
  | { readonly kind: "passed"; readonly passed: boolean }
  | { readonly kind: "stream"; readonly told: StreamAnswer }
  | { readonly kind: "unavailable"; readonly code: UnavailableCode; readonly detail: string };

export type UnavailableShare = Extract<ShareAnswer, { kind: "unavailable" }>;

/** Who answers for tasks: a worker's thread of this process, or another process. Rejects when `signal` aborts, and on a bug. */
export interface ShareOwner {
  /** As logs and answers name it. */
  readonly name: string;
  ask(request: ShareRequest, signal: AbortSignal): Promise<ShareAnswer>;
}
