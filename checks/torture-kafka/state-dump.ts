import { storeIdOf, taskId, type Plan, type StoreAccess, type SubTopologyPlan, type TaskId, type StoreSpec } from "@millrace/engine";
import type { TaskState } from "../../engine/state/task-state.ts";

/** Every entry of every store of a task as text, by store; windows as `start key`. */
export type TaskDump = Readonly<Record<string, Readonly<Record<string, string>>>>;
/** By task. */
export type StateDump = Readonly<Record<string, TaskDump>>;

export const storesOf = ({ nodes }: SubTopologyPlan): Readonly<Record<string, StoreSpec>> =>
  Object.fromEntries(
    nodes.flatMap(({ id, processor }) => Object.entries(processor.stores).map(([name, spec]) => [storeIdOf(id, name), spec] as const)),
  );

export const tasksOf = ({ subTopologies }: Plan): { readonly task: TaskId; readonly sub: SubTopologyPlan }[] =>
  subTopologies.flatMap((sub) => Array.from({ length: sub.partitions }, (_, partition) => ({ task: taskId(sub.id, partition), sub })));

/** All tasks of a worker, behind its last commit. */
export const dumpOf = (plan: Plan, stores: StoreAccess): StateDump =>
  Object.fromEntries(
    plan.subTopologies.flatMap((sub) =>
      stores.tasks(sub.id).map(({ partition, state }) => [taskId(sub.id, partition), dumpTask(sub, state)] as const),
    ),
  );

export function dumpTask(sub: SubTopologyPlan, state: TaskState): TaskDump {
  const textOf = ({ codec }: StoreSpec, value: unknown): string => Buffer.from(codec.encode(value)).toString("hex");
  return Object.fromEntries(
    Object.entries(storesOf(sub)).map(([id, spec]) => {
      const entries: [string, string][] =
        spec.kind === "window"
          ? Array.from(state.window(id).range(0, Number.MAX_SAFE_INTEGER), ([start, key, value]) => [
              `${start} ${key}`,
              textOf(spec, value),
            ])
          : Array.from(state.keyValue(id).range(), ([key, value]) => [key, textOf(spec, value)]);
      return [id, Object.fromEntries(entries)];
    }),
  );
}

/** What differs between two states of the same commits, store by store and key by key. */
export function compareStates(task: string, [nameA, a]: readonly [string, TaskDump], [nameB, b]: readonly [string, TaskDump]): string[] {
  const lines: string[] = [];
  for (const store of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [a[store] ?? {}, b[store] ?? {}];
    const odd = [...new Set([...Object.keys(left), ...Object.keys(right)])].filter((key) => left[key] !== right[key]);
    if (odd.length === 0) continue;
    const some = odd.slice(0, 3).map((key) => `${key}: ${left[key]} ≠ ${right[key]}`);
    lines.push(`${task} ${store}: ${nameA} and ${nameB} differ in ${odd.length} of ${Object.keys(left).length} keys (${some.join("; ")})`);
  }
  return lines;
}
