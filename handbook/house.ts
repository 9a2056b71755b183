import type { Limits } from "#gateway/limits.ts";
import type { CatalogueEntry } from "#queries/catalogue.ts";

/** What a running process serves; all that the handbook tells of it is made of this. */
export type House = {
  /** Name of the topology. */
  readonly topology: string;
  readonly catalogue: readonly CatalogueEntry[];
  readonly limits: Limits;
  /** Whether requests need a key. */
  readonly keyed: boolean;
  /** False where posts are refused. */
  readonly takesEvents: boolean;
  /** Whether queries are streamed. */
  readonly streamed: boolean;
  /** Every route that is served, asked for when the first reader comes: those that are mounted later are among them. */
  readonly routes: () => readonly Route[];
};

export type Route = { readonly method: string; readonly path: string };
