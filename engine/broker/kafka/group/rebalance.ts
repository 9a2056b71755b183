import type { TaskId } from "#broker/broker.ts";
import type { GroupView, Owner } from "./group-view.ts";

/** What a rebalance was, from one member's side: for one line in its log. */
export type Rebalance = {
  readonly generation: number;
  /** Whether this member made the plan. */
  readonly leader: boolean;
  /** Why this member joined: `joins`, `the group rebalances`, … */
  readonly reason: string;
  readonly gained: readonly TaskId[];
  readonly kept: readonly TaskId[];
  readonly lost: readonly TaskId[];
  /** Number of tasks of each member. */
  readonly counts: ReadonlyMap<string, number>;
  /** Who came and went, and why the gained tasks came here: `w3 joined; gained 2: 1 from w1, 1 from nobody, 1 with state here (at most 12 behind)`. */
  readonly why: string;
};

export type RebalanceFacts = Pick<Rebalance, "generation" | "leader" | "reason"> & {
  /** The group when it was last complete. */
  readonly before: GroupView;
  /** Who had each task last, as far as this member was told. */
  readonly origins: ReadonlyMap<TaskId, Owner>;
  readonly after: GroupView;
  readonly ownedBefore: ReadonlySet<TaskId>;
  /** What of it this member has not given back or lost since, even if it has it again. */
  readonly stillOwned: ReadonlySet<TaskId>;
  readonly ownedAfter: ReadonlySet<TaskId>;
  /** How far the state that this member holds is behind. */
  readonly held: ReadonlyMap<TaskId, number>;
};

export function describeRebalance(facts: RebalanceFacts): Rebalance {
  const { generation, leader, reason, before, after, origins, ownedBefore, stillOwned, ownedAfter, held } = facts;
  const kept = [...ownedAfter].filter((task) => stillOwned.has(task));
  const gained = [...ownedAfter].filter((task) => !stillOwned.has(task));
  const counts = new Map([...after.members.keys()].map((member) => [member, 0]));
  for (const { member } of after.owners.values()) counts.set(member, (counts.get(member) ?? 0) + 1);
  return {
    generation,
    leader,
    reason,
    gained,
    kept,
    lost: [...ownedBefore].filter((task) => !kept.includes(task)),
    counts,
    why: [...whoCame(before, after), ...whyGained(gained, origins, held)].join("; "),
  };
}

function whoCame(before: GroupView, after: GroupView): string[] {
  if (before.members.size === 0) return [];
  const joined = [...after.members.keys()].filter((member) => !before.members.has(member)).toSorted();
  const gone = [...before.members.keys()].filter((member) => !after.members.has(member)).toSorted();
  return [...(joined.length > 0 ? [`${joined.join(", ")} joined`] : []), ...(gone.length > 0 ? [`${gone.join(", ")} gone`] : [])];
}

function whyGained(gained: readonly TaskId[], origins: ReadonlyMap<TaskId, Owner>, held: ReadonlyMap<TaskId, number>): string[] {
  if (gained.length === 0) return [];
  const sources = Map.groupBy(gained, (task) => origins.get(task)?.member ?? "nobody");
  const from = Array.from(sources, ([member, tasks]) => `${tasks.length} from ${member}`);
  const lags = gained.flatMap((task) => held.get(task) ?? []);
  const state = lags.length === 0 ? "no state here" : `${lags.length} with state here (at most ${Math.max(...lags)} behind)`;
  return [`gained ${gained.length}: ${[...from, state].join(", ")}`];
}
