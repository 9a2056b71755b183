import type { TaskId } from "#broker/broker.ts";
import type { Assignment } from "./assignment.ts";
import type { TaskList } from "./task-list.ts";

export type Owner = {
  readonly member: string;
  /** `host:port` for queries; empty when the member answers none. */ readonly endpoint: string;
};

/** Who the members of a group are, with their endpoints, and who owns which task, as its leader told all of them. */
export type GroupView = { readonly members: ReadonlyMap<string, string>; readonly owners: ReadonlyMap<TaskId, Owner> };

export const noGroup: GroupView = { members: new Map(), owners: new Map() };

export function viewOf({ members, owners }: Assignment, list: TaskList): GroupView {
  const owned = owners.flatMap((place, number): [TaskId, Owner][] => {
    const owner = members[place];
    return owner === undefined ? [] : list.tasksOf([number]).map((task) => [task, { member: owner.id, endpoint: owner.endpoint }]);
  });
  return { members: new Map(members.map(({ id, endpoint }) => [id, endpoint])), owners: new Map(owned) };
}
