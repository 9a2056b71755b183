import type { Command, CommandHost } from "./command.ts";

/** Loaded when it is asked for: `check` needs no gateway. */
type Loadable = { readonly summary: string; readonly load: () => Promise<Command> };

const commands: Readonly<Record<string, Loadable>> = {
  dev: {
    summary: "gateway, pipeline, queries and live page in one process, on an embedded log",
    load: async () => (await import("./dev/command.ts")).runDevCommand,
  },
  run: {
    summary: "the same on Kafka, as many processes as it needs: millrace run TOPOLOGY --broker kafka://HOST:PORT,…",
    load: async () => (await import("./run/command.ts")).runRunCommand,
  },
  check: {
    summary: "check topology files: every mistake at once, with its place",
    load: async () => (await import("./check/command.ts")).runCheckCommand,
  },
  graph: {
    summary: "draw a topology: Mermaid, or an SVG that stands alone",
    load: async () => (await import("./graph/command.ts")).runGraphCommand,
  },
  schema: {
    summary: "the JSON Schema of topology files, for editors",
    load: async () => (await import("./schema/command.ts")).runSchemaCommand,
  },
  test: { summary: "run the *.test.yaml beside topology files", load: async () => (await import("./test/command.ts")).runTestCommand },
  replay: {
    summary: "post real orders to a running Millrace, each once",
    load: async () => (await import("./replay/command.ts")).runReplayCommand,
  },
  dlq: {
    summary: "dead letters of a running Millrace: list, show, redrive, drop",
    load: async () => (await import("./dlq/command.ts")).runDlqCommand,
  },
};

const help = `millrace COMMAND [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`)
  .join("\n")}

millrace COMMAND --help tells the rest.
`;

/** Runs the command that the arguments name; answers the exit code. */
export async function runCommand(args: readonly string[], host: CommandHost): Promise<number> {
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
  const run = await command.load();
  return run(rest, host);
}
