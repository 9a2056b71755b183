import type { QueryPlan } from "#topology/plan/query-plan.ts";
import type { ShareOwner, UnavailableShare } from "./share.ts";
import { shown } from "./share-reader.ts";
import type { Across } from "./shown-across.ts";

/** Which partitions each owner is asked for. */
export type Shares = ReadonlyMap<ShareOwner, readonly number[]>;

/** Who has these partitions of a query now; nobody, where one of them is nobody's. */
export function sharesAmong(
  { ownerOf }: Pick<Across, "ownerOf">,
  { name, subTopology }: QueryPlan,
  partitions: readonly number[],
): Shares | UnavailableShare {
  const byOwner = Map.groupBy(partitions, (partition) => ownerOf(subTopology, partition));
  const nobodys = byOwner.get(undefined);
  if (nobodys === undefined) return byOwner as Shares;
  return { kind: "unavailable", code: "QUERY_NO_OWNER", detail: `partition ${shown(nobodys)} of "${name}" is not processed at the moment` };
}
