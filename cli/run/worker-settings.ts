import { join } from "node:path";
import { reachableHost } from "./instance.ts";
import type { RunOptions } from "./options.ts";
import type { WorkerSettings } from "./worker-messages.ts";

/** Names of a process's workers. */
export const membersOf = (instance: string, { workers }: RunOptions): readonly string[] =>
  Array.from({ length: workers }, (_, n) => `${instance}-${n}`);

/** Where others reach a process that listens on `port`. */
export const endpointOf = ({ advertise, host }: RunOptions, port: number): string =>
  `${advertise?.host ?? reachableHost(host)}:${advertise?.port ?? port}`;

/** What a worker is started with. */
export function workerSettings(
  options: RunOptions,
  { member, text, endpoint }: { readonly member: string; readonly text: string; readonly endpoint: string },
): Omit<WorkerSettings, "queries"> {
  const { topology: file, state } = options;
  const sinks = options.sinks && member.endsWith("-0");
  return { ...options, member, topology: { text, file }, stateFile: join(state, `${member}.db`), endpoint, sinks };
}
