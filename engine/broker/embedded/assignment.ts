import { splitTaskId, type TaskId } from "#broker/broker.ts";

/**
 * Shares tasks among members: each gets ⌊n/m⌋ or ⌈n/m⌉ of them and keeps of its own what it may; a task without an owner goes to the member
 * with the fewest tasks, then the fewest of the task's sub-topology, then the one that came first.
 */
export function assignTasks(
  tasks: readonly TaskId[],
  members: readonly string[],
  owners: ReadonlyMap<TaskId, string>,
): ReadonlyMap<string, readonly TaskId[]> {
  const shares = new Map<string, TaskId[]>(members.map((member) => [member, []]));
  if (members.length === 0) return shares;
  const free: TaskId[] = [];
  for (const task of tasks) (shares.get(owners.get(task) ?? "") ?? free).push(task);

  const floor = Math.floor(tasks.length / members.length);
  let larger = tasks.length % members.length;
  for (const share of [...shares.values()].toSorted((a, b) => b.length - a.length)) {
    const quota = floor + (larger > 0 && share.length > floor ? 1 : 0);
    if (quota > floor) larger -= 1;
    while (share.length > quota) free.push(...share.splice(mostCrowded(share), 1));
  }
  for (const task of free) {
    const rank = (member: string): number => shares.get(member)!.length * tasks.length + countLike(shares.get(member)!, task);
    const least = members.reduce((best, member) => (rank(member) < rank(best) ? member : best));
    shares.get(least)!.push(task);
  }
  const order = new Map(tasks.map((task, i) => [task, i]));
  for (const share of shares.values()) share.sort((a, b) => order.get(a)! - order.get(b)!);
  return shares;
}

const countLike = (share: readonly TaskId[], task: TaskId): number =>
  share.filter((other) => splitTaskId(other).subTopology === splitTaskId(task).subTopology).length;

/** Index of the last task of the sub-topology that the share holds most of. */
function mostCrowded(share: readonly TaskId[]): number {
  let worst = share.length - 1;
  for (let i = share.length - 2; i >= 0; i--) if (countLike(share, share[i]!) > countLike(share, share[worst]!)) worst = i;
  return worst;
}
