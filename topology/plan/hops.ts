import type { Elaboration } from "../check/elaboration.ts";

/** How many topics of the topology itself lie between the first log and a node's result: each waits for a commit. */
export type Hops = { readonly node: string; readonly hops: number };

/** The most that a path should have (design §8: a hop is a commit). */
export const mostHops = 2;

/** The hops of every node; more than two are reported. [Y17] */
export function hopsOf({ parts, report }: Elaboration): readonly Hops[] {
  return parts
    .filter(({ id, node }) => id === node)
    .map(({ node, hops, place }) => {
      if (hops > mostHops)
        report(
          "TOPOLOGY_TOO_MANY_HOPS",
          place,
          `node "${node}" lies behind ${hops} topics of this topology, each of which waits for a commit; a path that must be fast has at most ${mostHops}`,
        );
      return { node, hops };
    });
}
