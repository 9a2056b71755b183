import { flushCompileCache } from "node:module";
import type { CommandHost } from "../command.ts";
import { loadChecked } from "../load-checked.ts";
import { startDev } from "./dev.ts";
import { runDemo } from "./demo.ts";
import { toldWhileWaiting } from "../engine/told-while-waiting.ts";
import { missingVariables } from "../sinks/sink-variables.ts";
import { whatAnEndWaitsFor } from "../sinks/what-an-end-waits-for.ts";
import { devHelp, readDevOptions } from "./options.ts";
import { banner } from "./banner.ts";
import { makeDataFolder, startProblem } from "./start-problem.ts";
import { isLoopback } from "../run/instance.ts";

/** `millrace dev`: everything in one process until Ctrl-C, which drains, commits and ends. */
export async function runDevCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const options = readDevOptions(args);
  if (options === "help") {
    host.stdout.write(devHelp);
    return 0;
  }
  if ("kind" in options) {
    host.stderr.write(`${options.message}\nmillrace dev --help says more\n`);
    return 2;
  }
  const key = host.env["MILLRACE_KEY"];
  if (!isLoopback(options.host) && (key === undefined || key === "")) {
    host.stderr.write(`events would be taken from anybody who reaches ${options.host}: set MILLRACE_KEY\n`);
    return 2;
  }
  const checked = loadChecked(options.topology, host);
  if (checked === undefined) return 1;
  const { compiled } = checked;
  const missing = options.sinks ? missingVariables(compiled.deliveries, host.env) : [];
  if (missing.length > 0) {
    host.stderr.write(`${missing.join("\n")}\n`);
    return 1;
  }
  let dev: Awaited<ReturnType<typeof startDev>>;
  try {
    makeDataFolder(options.data);
    dev = await startDev(options, { checked, key });
  } catch (error) {
    const problem = startProblem(error, options);
    if (problem === undefined) throw error;
    host.stderr.write(`${problem}\n`);
    return 1;
  }
  host.stdout.write(banner(options, dev));
  // Else it is written at exit, and a killed process has none.
  flushCompileCache();
  const demo = options.demo ? runDemo(dev, { signal: host.signal, stderr: host.stderr, key: key ?? null }) : undefined;
  const failure = await Promise.race([interrupted(host.signal), dev.failed]);
  if (failure !== undefined) host.stderr.write(`${failure.code} ${failure.message}\n`);
  else host.stdout.write("\nfinishing what was let in; Ctrl-C again ends at once\n");
  await demo;
  await toldWhileWaiting(dev.stop(), () => host.stdout.write(whatAnEndWaitsFor(options.sinks ? compiled.deliveries : [])));
  if (failure === undefined) host.stdout.write("all committed; start again to go on from here\n");
  return failure === undefined ? 0 : 1;
}

function interrupted(signal: AbortSignal): Promise<undefined> {
  return new Promise((settle) => {
    if (signal.aborted) settle(undefined);
    else signal.addEventListener("abort", () => settle(undefined), { once: true });
  });
}
