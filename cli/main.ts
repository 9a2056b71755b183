import { runCheckCommand } from "./check/command.ts";
import { runDevCommand } from "./dev/command.ts";
import type { Command, CommandHost } from "./command.ts";
import { runReplayCommand } from "./replay/command.ts";
import { runTestCommand } from "./test/command.ts";

const commands: Readonly<Record<string, { readonly summary: string; readonly run: Command }>> = {
  dev: { summary: "gateway, pipeline, queries and live page in one process, on an embedded log", run: runDevCommand },
  check: { summary: "check topology files: every mistake at once, with its place", run: runCheckCommand },
  test: { summary: "run the *.test.yaml beside topology files", run: runTestCommand },
  replay: { summary: "post real orders to a running Millrace, each once", run: runReplayCommand },
};

const help = `millrace COMMAND [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`)
  .join("\n")}

millrace COMMAND --help tells the rest.
`;

async function main(args: readonly string[], host: CommandHost): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    host.stdout.write(help);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    host.stderr.write(`millrace: there is no command ${name}; there are ${Object.keys(commands).join(", ")}\n`);
    return 2;
  }
  return command.run(rest, host);
}

/** A terminal's Ctrl-C reaches the whole process group, and npm passes its own on as well: one key, two signals. */
const sameKeyMs = 1000;
const interrupted = new AbortController();
let interruptedAtMs = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    const now = performance.now();
    // Who asks twice does not want to wait.
    if (interrupted.signal.aborted && now - interruptedAtMs > sameKeyMs) process.exit(130);
    if (!interrupted.signal.aborted) interruptedAtMs = now;
    interrupted.abort();
  });
}
process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
});
