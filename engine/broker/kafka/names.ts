import { splitTaskId, type TaskId } from "#broker/broker.ts";

/** The changelog of a sub-topology: partition i has what task i remembers. */
export const changelogOf = (group: string, task: TaskId): { readonly topic: string; readonly partition: number } => {
  const { subTopology, partition } = splitTaskId(task);
  return { topic: `${group.replace(/-consumer-group$/, "")}-${subTopology}-changelog`, partition };
};

/** Stable over restarts of a member, so that its next process fences the one before. */
export const transactionalIdOf = (group: string, member: string): string => `${group}-${member}`;
