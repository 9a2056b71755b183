import type { EventType } from "#schemas/event-types.ts";
import type { FieldType } from "#schemas/field-type.ts";
import { commonType, type ExpressionType, unknownType } from "../expressions/expression-type.ts";
import { fieldTypeAt } from "./value-path.ts";

/** Where records come from: a topic, or an output of a part in the same task. */
export type Origin =
  | { readonly kind: "topic"; readonly topic: string }
  | { readonly kind: "part"; readonly part: string; readonly output: string };

/**
 * One column of the records' key. `path` is the field of the value that holds the same, where there is one; `constant` columns say nothing.
 * A key of one column is its text; of several, a tuple.
 */
export type KeyColumn = { readonly name: string; readonly path: string | undefined; readonly type: FieldType; readonly constant?: boolean };

/** What flows along an edge. */
export type Stream = {
  readonly type: ExpressionType;
  /** Empty: nothing is known of the key. */
  readonly key: readonly KeyColumn[];
  /** Paths that tell the rows of an aggregate apart; empty for anything else. */
  readonly identity: readonly string[];
  /** The event type, while the value is the event as it came. */
  readonly event: EventType | undefined;
  readonly origins: readonly Origin[];
  /** Commits behind the first topic. */
  readonly hops: number;
};

export const brokenStream: Stream = { type: unknownType, key: [], identity: [], event: undefined, origins: [], hops: 0 };
export const isBroken = ({ type }: Stream): boolean => type.kind === "unknown";

/** What a reader of all of them sees: the fields and the key that they have in common. */
export function mergeStreams(streams: readonly Stream[]): Stream | undefined {
  const [first, ...rest] = streams;
  if (first === undefined || streams.some(isBroken)) return brokenStream;
  return rest.reduce<Stream | undefined>((merged, stream) => {
    const type = merged && commonType(merged.type, stream.type);
    if (merged === undefined || type === undefined) return undefined;
    return {
      type,
      key: isSameKey(merged.key, stream.key) ? merged.key : [],
      identity: merged.identity.join() === stream.identity.join() ? merged.identity : [],
      event: merged.event === stream.event ? merged.event : undefined,
      origins: [...merged.origins, ...stream.origins],
      hops: Math.max(merged.hops, stream.hops),
    };
  }, first);
}

const isSameKey = (a: readonly KeyColumn[], b: readonly KeyColumn[]): boolean =>
  a.length === b.length && a.every((column, i) => column.name === b[i]!.name && column.path === b[i]!.path);

/** Whether the key's text is that of the field at its path, for every record: a rule of a schema falls back on others where the field is null. */
export const isExact = ({ path }: KeyColumn, type: ExpressionType): boolean => {
  const field = path === undefined ? undefined : fieldTypeAt(type, path);
  return field !== undefined && field.kind !== "nullable";
};

/** The names by which rows show a key; a column that may hold something else than its field is just `key`. */
export const keyNames = (key: readonly KeyColumn[], type: ExpressionType): readonly string[] =>
  key.map((column) => (column.path === undefined || isExact(column, type) ? column.name : "key"));

export const describeKey = (key: readonly KeyColumn[]): string =>
  key.length === 0 ? "no key" : key.map(({ name, path }) => path ?? name).join(", ");
