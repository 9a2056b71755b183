import type { BoundProcessor, NodeContext, OpenStores, StoreSpec } from "@millrace/engine";

type Stream = Parameters<BoundProcessor["build"]>[0][string];
/** An operator of the engine, taken as it is: the compiler has checked that each takes what the one before it gives. */
export type Step = (source: Stream) => Stream;
export type MakeStep = (stores: OpenStores, context: NodeContext) => (source: never) => unknown;

type Chain = {
  readonly name: string;
  readonly stores: Readonly<Record<string, StoreSpec>>;
  readonly steps: readonly MakeStep[];
};

/** A node of one input `in` and one output `out`, whose steps may look at the current record. */
export function chainSteps({ name, stores, steps }: Chain): BoundProcessor {
  return {
    name,
    stores,
    inputs: ["in"],
    outputs: ["out"],
    build: ({ in: input }, open, context) => ({
      out: steps.reduce<Stream>((stream, make) => (make(open, context) as Step)(stream), input!),
    }),
  };
}

/** The same with another node behind the steps, which has its input `in` and no stores. */
export function chainBefore(chain: Chain, last: BoundProcessor): BoundProcessor {
  const first = chainSteps(chain);
  return {
    name: chain.name,
    stores: chain.stores,
    inputs: ["in"],
    outputs: last.outputs,
    build: (inputs, open, context) => last.build({ in: first.build(inputs, open, context)["out"]! }, {}, context),
  };
}
