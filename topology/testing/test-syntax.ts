import type { Tree } from "../parse/yaml-tree.ts";
import type { Place } from "../topology-error.ts";

/** A file of cases about one topology. */
export type TestFile = { readonly path: string; readonly topology: string; readonly cases: readonly TestCase[] };

export type TestCase = { readonly name: string; readonly place: Place; readonly partitions: number; readonly steps: readonly TestStep[] };

/** What is done, then what must be seen. Outputs and dead letters are those since the step before; rows are all there are. */
export type TestStep = {
  readonly place: Place;
  readonly in: readonly TestRecord[];
  /** How far the wall clock goes on, after the records. */
  readonly clockMs: number;
  readonly restart: boolean;
  readonly out: readonly Expected[];
  readonly rows: readonly Expected[];
  readonly deadLetters: { readonly place: Place; readonly letters: readonly unknown[]; readonly tree: Tree } | undefined;
};

export type TestRecord = {
  readonly topic: string;
  readonly place: Place;
  readonly atMs: number;
  readonly key: string | undefined;
  /** The JSON of the record, or bytes that are none. */
  readonly value:
    | { readonly kind: "json"; readonly json: Readonly<Record<string, unknown>> }
    | { readonly kind: "raw"; readonly text: string };
};

/** Of a topic or a query. */
export type Expected = { readonly name: string; readonly place: Place; readonly list: readonly unknown[]; readonly tree: Tree };
