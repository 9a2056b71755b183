import { flushCompileCache } from "node:module";
import { relative } from "node:path";
import { setImmediate } from "node:timers/promises";
import { BrokerError, ClusterUrlError, type ClusterSettings, parseClusterUrl } from "@millrace/engine";
import type { CommandHost } from "../command.ts";
import { EngineFailure } from "../engine/engine-failure.ts";
import { createStderrLogger } from "../engine/logger.ts";
import { loadChecked } from "../load-checked.ts";
import { toldWhileWaiting } from "../engine/told-while-waiting.ts";
import { missingVariables } from "../sinks/sink-variables.ts";
import { whatAnEndWaitsFor } from "../sinks/what-an-end-waits-for.ts";
import { runBanner } from "./banner.ts";
import { instanceName } from "./instance.ts";
import type { RunOptions } from "./options.ts";
import type { RunCode } from "./run-codes.ts";
import { RunningProcess } from "./run.ts";
import { stopWithinMs } from "./stop-within.ts";
import type { WorkerHost } from "./worker-host.ts";

export type RunHost = CommandHost & { readonly key: string | undefined; readonly threads: readonly WorkerHost[] };

/** Runs a process of a topology; answers the exit code. */
export async function runUntilSignal(options: RunOptions, host: RunHost): Promise<number> {
  const { stdout, stderr, env, signal, key, threads } = host;
  let cluster: ClusterSettings;
  try {
    cluster = parseClusterUrl(options.broker, env);
  } catch (error) {
    if (!(error instanceof ClusterUrlError)) throw error;
    stderr.write(`${error.code} ${error.message}\n`);
    return 2;
  }
  const checked = loadChecked(options.topology, host);
  if (checked === undefined) return 1;
  const missing = options.sinks ? missingVariables(checked.compiled.deliveries, env) : [];
  if (missing.length > 0) {
    stderr.write(`${missing.join("\n")}\n`);
    return 1;
  }
  const logger = createStderrLogger(options.logLevel);
  let instance: string;
  try {
    instance = instanceName(options.state, options.instance);
  } catch (error) {
    if (!(error instanceof EngineFailure)) throw error;
    stderr.write(`${error.code} ${error.message}\n`);
    return 1;
  }
  const running = new RunningProcess(options, { ...checked, cluster, instance, key, logger, signal, threads });
  try {
    await running.start();
  } catch (error) {
    const problem = problemOf(error, options);
    await running.stop(stopWithinMs);
    if (signal.aborted) return 130;
    if (problem === undefined) throw error;
    stderr.write(`${problem}\n`);
    return leave(1);
  }
  // What an early worker died of is no news of a process that runs.
  const already = await Promise.race([running.failed, setImmediate()]);
  if (already === undefined) stdout.write(runBanner(options, { url: running.url, instance }));
  // Else it is written at exit, and a killed process has none.
  flushCompileCache();
  void running.ready.then(() => stdout.write("\nready: all tasks of this process are restored and run\n"));
  const failure = await Promise.race([interrupted(signal), running.failed]);
  if (failure !== undefined) stderr.write(`${problemOf(failure, options)}\n`);
  else stdout.write("\nfinishing what was let in; Ctrl-C again ends at once\n");
  const waited = (): void => void stdout.write(whatAnEndWaitsFor(options.sinks ? checked.compiled.deliveries : []));
  if (!(await toldWhileWaiting(running.stop(stopWithinMs), waited))) {
    stderr.write(
      `${"RUN_STOP_TIMEOUT" satisfies RunCode} not ended within ${stopWithinMs / 1000} s: what was not committed is done again by whoever has the tasks next\n`,
    );
    return leave(1);
  }
  if (failure !== undefined) return leave(1);
  stdout.write(`all committed; ${options.keepMembership ? "the tasks wait for its return" : "the others have its tasks"}\n`);
  return 0;
}

/** What still waits for Kafka must not keep the process alive. */
function leave(code: number): number {
  setTimeout(() => process.exit(code), 100).unref();
  return code;
}

/** What kept the process from starting, or ended it, with what to do about it; undefined for a bug. */
function problemOf(error: unknown, { host, port, state }: RunOptions): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const { code, message } = error;
  switch (code) {
    case "EADDRINUSE":
      return `${"RUN_PORT_TAKEN" satisfies RunCode} port ${port} of ${host} is taken: give another --port, or 0 for any`;
    case "EACCES":
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${"RUN_CANNOT_LISTEN" satisfies RunCode} ${host}:${port} cannot be listened on: ${code}`;
    case "BROKER_UNREACHABLE":
      return `${code} ${message}\nis Kafka started, and is --broker right? For a Kafka on this machine: npm run kafka -- start (kafka://127.0.0.1:19092)`;
    case "BROKER_LOCKED":
      return `${code} ${message}\nanother process uses ${relative(process.cwd(), state) || state}: give each its own --state`;
    case "WORKER_FENCED":
      return `${code} ${message}\nanother process runs under this name: give each its own --instance, or its own --state`;
    default:
      return error instanceof BrokerError || error instanceof EngineFailure ? `${code} ${message}` : undefined;
  }
}

function interrupted(signal: AbortSignal): Promise<undefined> {
  return new Promise((settle) => {
    if (signal.aborted) settle(undefined);
    else signal.addEventListener("abort", () => settle(undefined), { once: true });
  });
}
