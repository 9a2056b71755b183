import type { BoundProcessor, CurrentRecord } from "@millrace/engine";
import type { RecordType } from "#schemas/field-type.ts";
import type { shownSettings } from "../parse/secrets.ts";
import type { Place } from "../topology-error.ts";
import type { KeyColumn, Origin } from "./stream.ts";

/** What a task runs of a node: the node itself, and before its change of key the part that ends there (`<node>.key`). */
export type Part = {
  readonly id: string;
  readonly node: string;
  readonly place: Place;
  readonly inputs: ReadonlyMap<string, PartInput>;
  readonly sinks: readonly SinkDraft[];
  /** Topics of the topology itself in front of it. */
  readonly hops: number;
  /** In the words of the file, for descriptions. */
  readonly does: readonly string[];
  /** Of `with:`, what may be shown to anybody. */
  readonly settings?: ReturnType<typeof shownSettings>;
  readonly bind: () => BoundProcessor;
};

export type PartInput = {
  readonly origins: readonly Origin[];
  /** Paths of the value that are read here; the empty path is all of it. */
  readonly reads: ReadonlySet<string>;
  /** Outputs by which the value leaves as it came: what their readers read is read of this input. */
  readonly passes: readonly string[];
};

export type SinkDraft = {
  readonly output: string;
  readonly topic: string;
  readonly place: Place;
  readonly kind: "repartition" | "topic";
  readonly key: (value: unknown, record: Readonly<CurrentRecord>) => string | null;
  readonly encode: (value: unknown, record: Readonly<CurrentRecord>) => Uint8Array | null;
};

/** The topic between the two sides of a change of key. */
export type Repartition = { readonly topic: string; readonly node: string; readonly type: RecordType; readonly key: readonly KeyColumn[] };
