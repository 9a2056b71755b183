import type { Dependency } from "#gateway/health.ts";
import type { WorkerStatus } from "./worker-messages.ts";

/**
 * What `/readyz` says of a worker. It is ready once its first tasks run; that it takes others over later, or that the group rebalances, is told
 * but takes nobody out of service: a rebalance concerns every process at once.
 */
export function readinessOf(status: WorkerStatus): Dependency {
  const { started, rebalancing, owned, opening, stopped } = status;
  if (stopped.length > 0) return { ready: false, detail: `tasks stand still after a bug: ${stopped.join(", ")}; see the log` };
  const details = [
    ...(rebalancing === undefined ? [] : [`rebalancing: ${rebalancing}`]),
    ...(opening.length === 0 ? [] : [`restoring ${opening.length} of ${owned} tasks${progressOf(status)}`]),
  ];
  if (started && opening.length === 0) details.push(`running ${owned} tasks`);
  else if (started) details.push(`running ${owned - opening.length}`);
  return { ready: started, detail: details.length === 0 ? "joining" : details.join("; ") };
}

function progressOf({ restoring }: WorkerStatus): string {
  const remaining = restoring.reduce((sum, task) => sum + task.remaining, 0);
  const perSecond = restoring.reduce((sum, task) => sum + task.perSecond, 0);
  if (remaining === 0) return "";
  return ` (${remaining} records left${perSecond === 0 ? "" : `, ${perSecond} a second`})`;
}
