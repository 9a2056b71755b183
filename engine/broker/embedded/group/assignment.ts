import { splitTaskId, type TaskId } from "#broker/broker.ts";

/** A member's tasks, and how many of them each sub-topology has. */
type Share = { readonly tasks: TaskId[]; readonly perSubTopology: Map<string, number> };

/**
 * Shares tasks among members: each gets ⌊n/m⌋ or ⌈n/m⌉ of them and keeps of its own what it may; a task without an owner goes to the member
 * with the fewest tasks, then the fewest of the task's sub-topology, then the one that came first.
 */
export function assignTasks(
  tasks: readonly TaskId[],
  members: readonly string[],
  owners: ReadonlyMap<TaskId, string>,
): ReadonlyMap<string, readonly TaskId[]> {
  const shares = new Map<string, Share>(members.map((member) => [member, { tasks: [], perSubTopology: new Map() }]));
  const list = [...shares.values()];
  if (list.length === 0) return new Map();
  const free: TaskId[] = [];
  for (const task of tasks) {
    const kept = shares.get(owners.get(task) ?? "");
    if (kept === undefined) free.push(task);
    else give(kept, task);
  }
  const floor = Math.floor(tasks.length / list.length);
  let larger = tasks.length % list.length;
  for (const share of list.toSorted((a, b) => b.tasks.length - a.tasks.length)) {
    const quota = floor + (larger > 0 && share.tasks.length > floor ? 1 : 0);
    if (quota > floor) larger -= 1;
    while (share.tasks.length > quota) free.push(takeMostCrowded(share));
  }
  for (const task of free) {
    const { subTopology } = splitTaskId(task);
    const rank = (share: Share): number => share.tasks.length * tasks.length + (share.perSubTopology.get(subTopology) ?? 0);
    give(
      list.reduce((least, share) => (rank(share) < rank(least) ? share : least)),
      task,
    );
  }
  const order = new Map(tasks.map((task, i) => [task, i]));
  return new Map([...shares].map(([member, share]) => [member, share.tasks.toSorted((a, b) => order.get(a)! - order.get(b)!)]));
}

function give({ tasks, perSubTopology }: Share, task: TaskId): void {
  const { subTopology } = splitTaskId(task);
  tasks.push(task);
  perSubTopology.set(subTopology, (perSubTopology.get(subTopology) ?? 0) + 1);
}

/** The last task of the sub-topology that the share holds most of. */
function takeMostCrowded({ tasks, perSubTopology }: Share): TaskId {
  const crowded = [...perSubTopology].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
  const at = tasks.findLastIndex((task) => splitTaskId(task).subTopology === crowded);
  perSubTopology.set(crowded, perSubTopology.get(crowded)! - 1);
  return tasks.splice(at, 1)[0]!;
}
