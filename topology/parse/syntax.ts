import type { Place } from "../topology-error.ts";
import type { MapReader } from "./map-reader.ts";
import type { Tree } from "./yaml-tree.ts";

/** A topology file as it is written, before its names and types are checked. */
export type TopologySyntax = {
  readonly file: string;
  readonly name: string;
  readonly topics: readonly TopicSyntax[];
  readonly nodes: readonly NodeSyntax[];
  readonly sinks: readonly SinkSyntax[];
};

/** Text with its place; `at` is the place of a character of it. */
export type Text = { readonly text: string; readonly place: Place; readonly at: (offset: number) => Place };

export type Retention = { readonly kind: "time"; readonly ms: number } | { readonly kind: "forever" };

export type TopicSyntax = {
  readonly name: string;
  readonly place: Place;
  readonly partitions?: { readonly count: number; readonly place: Place };
  readonly retention?: Retention;
  /** Names of types by field: a topic whose records the schemas do not know. */
  readonly fields?: readonly { readonly name: Text; readonly type: Text }[];
  readonly key?: Text;
};

/** `ports` is what stands in a map: port → sources. */
export type FromSyntax =
  | { readonly kind: "merge"; readonly refs: readonly Text[] }
  | { readonly kind: "ports"; readonly ports: ReadonlyMap<string, { readonly place: Place; readonly refs: readonly Text[] }> };

export type NamedText = { readonly name: string; readonly place: Place; readonly of: Text };

export type OnLate = "drop" | "dead-letter";

/** Steps are taken in the order of these fields, however the file orders them. [Y3] */
export type NodeSyntax = {
  readonly id: string;
  readonly place: Place;
  readonly from: FromSyntax;
  readonly dedupe?: { readonly place: Place; readonly by: Text; readonly withinMs: number; readonly late: OnLate };
  readonly where?: Text;
  readonly require: readonly { readonly that: Text; readonly reason: string }[];
  readonly select?: readonly NamedText[];
  readonly flatMap?: {
    readonly place: Place;
    readonly each: Text;
    readonly as: string;
    readonly select?: readonly NamedText[];
    readonly where?: Text;
  };
  readonly branch?: { readonly place: Place; readonly cases: readonly NamedText[] };
  readonly key?: { readonly place: Place; readonly parts: readonly { readonly as?: string; readonly of: Text }[] };
  readonly window?: {
    readonly place: Place;
    readonly sizeMs: number;
    readonly advanceMs?: number;
    readonly graceMs: number | undefined;
    readonly retainMs: number;
  };
  readonly aggregate?: { readonly place: Place; readonly columns: readonly NamedText[] };
  readonly emit?: { readonly place: Place; readonly value: "update" | "final" };
  readonly late?: { readonly place: Place; readonly value: OnLate };
  readonly table?: { readonly place: Place; readonly by: readonly Text[] };
  readonly top?: {
    readonly place: Place;
    readonly by: readonly { readonly of: Text; readonly descending: boolean }[];
    readonly limit: number;
    readonly each: readonly Text[];
  };
  readonly use?: Text;
  readonly with?: Tree;
  readonly to?:
    | { readonly kind: "one"; readonly topic: Text }
    | { readonly kind: "ports"; readonly ports: ReadonlyMap<string, { readonly place: Place; readonly topic: Text }> };
};

export const sinkKinds = ["webhook", "slack", "email", "sns", "postgres", "redis"] as const;
export type SinkKind = (typeof sinkKinds)[number];

/** Times in ms; what is left out has the default of whoever delivers. */
export type SinkSyntax = {
  readonly name: string;
  readonly place: Place;
  readonly from: Text;
  readonly where?: Text;
  readonly kind: SinkKind;
  /** What stands under the kind; its fields are known there to be those of the kind. */
  readonly settings: MapReader;
  readonly retry: { readonly attempts?: number; readonly pauseMs?: number; readonly mostMs?: number };
  readonly breaker: { readonly failures?: number; readonly pauseMs?: number; readonly mostMs?: number };
  readonly timeout?: { readonly place: Place; readonly ms: number };
};
