import type { Observable, OperatorFunction } from "rxjs";
import type { KeyValueStore, StoreSpec, WindowStore } from "#state/store.ts";
import type { NodeContext } from "./context.ts";

export type OpenStores = Readonly<Record<string, KeyValueStore<unknown> | WindowStore<unknown>>>;

/**
 * What a task runs at a node, with its configuration already in it. `build` is called once for every (re)start of the task, inside the node's
 * context; it answers one observable for each name in `outputs`, all of which emit synchronously while an input is pushed or a timer fires.
 */
export type BoundProcessor = {
  readonly name: string;
  readonly stores: Readonly<Record<string, StoreSpec>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  build(
    inputs: Readonly<Record<string, Observable<unknown>>>,
    stores: OpenStores,
    context: NodeContext,
  ): Readonly<Record<string, Observable<unknown>>>;
};

// Operators are chained by their plan, whose compiler has checked that each takes what the one before it gives.
type Step = OperatorFunction<never, unknown>;

/** A node of one input `in` and one output `out`, its steps one behind the other. */
export function chainNode(
  name: string,
  stores: Readonly<Record<string, StoreSpec>>,
  steps: (stores: OpenStores) => readonly Step[],
): BoundProcessor {
  return {
    name,
    stores,
    inputs: ["in"],
    outputs: ["out"],
    build: ({ in: input }, open) => ({
      out: steps(open).reduce<Observable<unknown>>((stream, step) => stream.pipe(step as OperatorFunction<unknown, unknown>), input!),
    }),
  };
}
