import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { instanceName } from "./instance.ts";
import type { RunOptions } from "./options.ts";
import { stopWithinMs, within } from "./stop-within.ts";
import type { WorkerHost } from "./worker-host.ts";
import { endpointOf, membersOf, workerSettings } from "./worker-settings.ts";

/** Where threads share few cores they are in each other's way: up to this many, the workers go first. */
const fewCores = 2;
/** A restore may last, and its progress is asked for by HTTP. */
const longestMs = 2500;
/** About what a worker whose tasks are open takes to commit for the first time. */
const firstCommitMs = 300;

/**
 * Starts the workers before this thread has loaded what it needs for HTTP, when it is known already where that will listen: a process that is started
 * again gives output as much sooner. Whatever is wrong, this leaves it to those who say so; `signal` ends its wait.
 */
export async function startEarly(options: RunOptions, threads: readonly WorkerHost[], signal: AbortSignal): Promise<void> {
  const { host, port, topology, state } = options;
  if (port === 0 || !(await isFree(host, port)) || signal.aborted) return;
  let text: string;
  let instance: string;
  try {
    text = readFileSync(topology, "utf8");
    instance = instanceName(state, options.instance);
  } catch {
    return;
  }
  const members = membersOf(instance, options);
  for (const [n, thread] of threads.entries())
    thread.start(workerSettings(options, { member: members[n]!, text, endpoint: endpointOf(options, port) }));
  if (availableParallelism() > fewCores) return;
  const giveUp = new AbortController();
  const ends = AbortSignal.any([signal, giveUp.signal]);
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal: ends }).catch(() => undefined);
  const working = Promise.all(threads.map(({ joined }) => joined)).then(() => pause(firstCommitMs));
  await Promise.race([working, ...threads.map(({ failed }) => failed), pause(longestMs)]);
  giveUp.abort();
}

/** Ends what was started early as a process in order ends: what was taken is committed, the tasks are given back. */
export async function endEarly(threads: readonly WorkerHost[]): Promise<void> {
  const started = threads.filter(({ settings }) => settings !== undefined);
  await within(stopWithinMs, Promise.all(started.map((thread) => thread.stop())));
}

/** A process that cannot listen must take no tasks over. */
async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
