import type { CommandHost } from "../command.ts";
import { isLoopback } from "./instance.ts";
import { readRunOptions, runHelp } from "./options.ts";
import { endEarly, startEarly } from "./start-early.ts";
import { WorkerHost } from "./worker-host.ts";

/** `millrace run`: a process of a topology on Kafka, until a signal ends it. */
export async function runRunCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const { stdout, stderr, env } = host;
  const options = readRunOptions(args, env);
  if (options === "help") {
    stdout.write(runHelp);
    return 0;
  }
  if ("kind" in options) {
    stderr.write(`${options.message}\nmillrace run --help says more\n`);
    return 2;
  }
  const key = env["MILLRACE_KEY"];
  if (options.gateway && !isLoopback(options.host) && (key === undefined || key === "")) {
    stderr.write(`events would be taken from anybody who reaches ${options.host}: set MILLRACE_KEY, or add --no-gateway\n`);
    return 2;
  }
  // Most of a start is loading code: the workers' threads load theirs while this one loads its own.
  const threads = Array.from({ length: options.workers }, () => new WorkerHost());
  try {
    await startEarly(options, threads, host.signal);
    if (host.signal.aborted) {
      await endEarly(threads);
      return 130;
    }
    const { runUntilSignal } = await import("./run-until-signal.ts");
    return await runUntilSignal(options, { ...host, key, threads });
  } finally {
    await Promise.all(threads.map((thread) => thread.kill()));
  }
}
