import type { TaskId } from "#broker/broker.ts";
import type { Assignment } from "./assignment.ts";
import { assignTasks } from "./assignor.ts";
import type { MemberMetadata } from "./member-metadata.ts";
import type { TaskList } from "./task-list.ts";

/** A member as the coordinator shows it to the leader; `id` is its name, which outlives the process. `metadata` is undefined where it is not ours. */
export type JoinedMember = { readonly memberId: string; readonly id: string; readonly metadata: MemberMetadata | undefined };

/**
 * What the leader of a generation tells each member (by member id). A task that is to move from a member that is there is given to nobody in this
 * round, which is `incomplete`: its owner gives it back and joins again, and the round after has it to give [K33].
 */
export function planRound(
  generation: number,
  list: TaskList,
  joined: readonly JoinedMember[],
  leaderId: string,
): ReadonlyMap<string, Assignment> {
  const topology = topologyOf(generation, joined) ?? list.hash;
  const ours = joined.filter((member) => member.metadata?.topology === topology);
  const leads = ours.some(({ memberId }) => memberId === leaderId) && topology === list.hash;
  const owned = new Map(ours.map(({ memberId, metadata }) => [memberId, claims(generation, metadata!)]));
  // A leader of another topology does not know the tasks of this one: all stays as it is until it has left.
  const targets = leads ? targetsOf(list, ours, owned) : owned;
  const complete = leads && isComplete(owned, targets);
  const shares = new Map(
    ours.map(({ memberId }) => {
      const target = new Set(targets.get(memberId));
      return [memberId, complete ? [...target] : owned.get(memberId)!.filter((task) => target.has(task))];
    }),
  );
  const owners: number[] = [];
  // What is to move is its owner's until it has been given back.
  for (const [place, { memberId }] of ours.entries()) for (const task of (complete ? shares : owned).get(memberId)!) owners[task] = place;
  const told = {
    topology,
    members: ours.map(({ id, metadata }) => ({ id, endpoint: metadata!.endpoint })),
    owners: Array.from(owners, (place) => place ?? -1),
  };
  const assignments = joined.map(({ memberId, metadata }): [string, Assignment] => {
    const share = shares.get(memberId);
    const attempt = metadata?.attempt ?? 0n;
    if (share === undefined) return [memberId, { ...told, attempt, status: "refused", tasks: [] }];
    return [memberId, { ...told, attempt, status: complete ? "complete" : "incomplete", tasks: share }];
  });
  return new Map(assignments);
}

/** What counts of what a member says it owns: a member that was not in the generation before has lost it all, and knows it by the same rule. */
const claims = (generation: number, metadata: MemberMetadata): readonly number[] =>
  metadata.generation + 1 === generation ? metadata.owned : [];

/** The topology of those who own tasks: who comes with another is refused. Undefined when nobody owns any. */
function topologyOf(generation: number, joined: readonly JoinedMember[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { metadata } of joined) {
    const count = metadata === undefined ? 0 : claims(generation, metadata).length;
    if (count > 0) counts.set(metadata!.topology, (counts.get(metadata!.topology) ?? 0) + count);
  }
  const ranked = [...counts].toSorted(([a, most], [b, more]) => more - most || (a < b ? -1 : 1));
  return ranked[0]?.[0];
}

type Shares = ReadonlyMap<string, readonly number[]>;

function targetsOf(list: TaskList, members: readonly JoinedMember[], owned: Shares): Shares {
  const byName = new Map(members.map((member) => [member.id, member.memberId]));
  const assignable = members.map(({ id, memberId, metadata }) => ({
    id,
    owned: list.tasksOf(owned.get(memberId)!),
    held: new Map([...metadata!.held].flatMap(([task, lag]): [TaskId, number][] => list.tasksOf([task]).map((name) => [name, lag]))),
  }));
  return new Map([...assignTasks(assignable, list.tasks)].map(([id, tasks]) => [byName.get(id)!, list.numbersOf(tasks)]));
}

/** Whether every member that owns tasks keeps them all. */
function isComplete(owned: Shares, targets: Shares): boolean {
  return [...owned].every(([memberId, tasks]) => {
    const target = new Set(targets.get(memberId));
    return tasks.every((task) => target.has(task));
  });
}
