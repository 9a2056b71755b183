import type { TaskId } from "#broker/broker.ts";
import type { Assignment } from "./assignment.ts";
import { assignTasks } from "./assignor.ts";
import type { MemberMetadata } from "./member-metadata.ts";
import type { TaskList } from "./task-list.ts";

/** A member as the coordinator shows it to the leader; `id` is its name, which outlives the process. `metadata` is undefined where it is not ours. */
export type JoinedMember = { readonly memberId: string; readonly id: string; readonly metadata: MemberMetadata | undefined };

/** What a leader was told itself of an earlier round: who owns each task (by number), and since which generation. */
export type KnownOwners = {
  readonly generation: number;
  readonly owners: ReadonlyMap<number, { readonly id: string; readonly since: number }>;
};

/** The same, as a member was told it. */
export function knownOwners(generation: number, { members, owners, since }: Assignment): KnownOwners {
  const known = owners.flatMap((place, task): [number, { id: string; since: number }][] => {
    const id = members[place]?.id;
    return id === undefined ? [] : [[task, { id, since: since[task] ?? generation }]];
  });
  return { generation, owners: new Map(known) };
}

export type RoundToPlan = {
  readonly generation: number;
  readonly list: TaskList;
  /** Member id of the leader. */
  readonly leaderId: string;
  /** Undefined when the leader is new. */
  readonly known: KnownOwners | undefined;
};

/**
 * What the leader of a generation tells each member (by member id). A task that is to move from a member that is there is given to nobody in this
 * round, which is `incomplete`: its owner gives it back and joins again, and the round after has it to give [K33].
 */
export function planRound(round: RoundToPlan, joined: readonly JoinedMember[]): ReadonlyMap<string, Assignment> {
  const { generation, list, leaderId } = round;
  const known = round.known?.generation === generation - 1 ? round.known.owners : undefined;
  const accepted = new Set(joined.filter((member) => counts({ generation, list, known }, member)));
  const topology = topologyOf(accepted) ?? list.hash;
  const ours = joined.filter((member) => member.metadata?.topology === topology);
  const leads = ours.some(({ memberId }) => memberId === leaderId) && topology === list.hash;
  const owned = new Map(ours.map((member) => [member.memberId, accepted.has(member) ? member.metadata!.owned : []]));
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
  const since: number[] = [];
  for (const [place, { memberId, id }] of ours.entries()) {
    const before = new Set(owned.get(memberId));
    // What is to move is its owner's until it has been given back.
    for (const task of (complete ? shares : owned).get(memberId)!) {
      owners[task] = place;
      const owner = known?.get(task);
      since[task] = !before.has(task) ? generation : owner?.id === id ? owner.since : generation - 1;
    }
  }
  const told = {
    topology,
    members: ours.map(({ id, metadata }) => ({ id, endpoint: metadata!.endpoint })),
    owners: Array.from(owners, (place) => place ?? -1),
    since: Array.from(since, (first) => first ?? 0),
  };
  const assignments = joined.map((member): [string, Assignment] => {
    const { memberId, metadata } = member;
    const answer = { ...told, attempt: metadata?.attempt ?? 0n, accepted: accepted.has(member) };
    const share = shares.get(memberId);
    if (share === undefined) return [memberId, { ...answer, status: "refused", tasks: [] }];
    return [memberId, { ...answer, status: complete ? "complete" : "incomplete", tasks: share }];
  });
  return new Map(assignments);
}

/**
 * Whether what a member says it owns counts: it was in the generation before; or the leader knows of that generation that the member still owned all
 * of it, without a break since it was there itself, as when the answer to its join was lost.
 */
function counts(
  { generation, list, known }: Pick<RoundToPlan, "generation" | "list"> & { readonly known: KnownOwners["owners"] | undefined },
  { id, metadata }: JoinedMember,
): boolean {
  if (metadata === undefined) return false;
  if (metadata.generation + 1 === generation || metadata.owned.length === 0) return true;
  if (metadata.topology !== list.hash) return false;
  return metadata.owned.every((task) => {
    const owner = known?.get(task);
    return owner?.id === id && owner.since <= metadata.generation;
  });
}

/** The topology of those who own tasks: who comes with another is refused. Undefined when nobody owns any. */
function topologyOf(accepted: ReadonlySet<JoinedMember>): string | undefined {
  const counted = new Map<string, number>();
  for (const { metadata } of accepted) {
    const { topology, owned } = metadata!;
    if (owned.length > 0) counted.set(topology, (counted.get(topology) ?? 0) + owned.length);
  }
  const ranked = [...counted].toSorted(([a, most], [b, more]) => more - most || (a < b ? -1 : 1));
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
