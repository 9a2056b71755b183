import { relative } from "node:path";
import { parseArgs } from "node:util";
import type { Compiled } from "#topology/compile-topology.ts";
import type { CommandHost } from "../command.ts";
import { loadChecked } from "../load-checked.ts";
import { shippedTopology } from "../shipped-topology.ts";

const help = `millrace check [FILE…] [--verbose]

Checks topology files: every mistake at once, as file:line:column  CODE  message, with what was probably meant.
Without FILE: the shipped topology/commerce.yaml.

  --verbose   describe what was compiled: nodes, topics, stores, sinks, and the hops on every path
  -h, --help  this text

Exit codes: 0 no mistake (warnings may be), 1 mistakes, 2 wrong usage.
`;

const options = { verbose: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } } as const;

/** `millrace check`. */
export async function runCheckCommand(args: readonly string[], { stdout, stderr }: CommandHost): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\nmillrace check --help says more\n`);
    return 2;
  }
  if (parsed.values.help) {
    stdout.write(help);
    return 0;
  }
  let failed = 0;
  for (const file of parsed.positionals.length === 0 ? [shippedTopology] : parsed.positionals) {
    const { compiled } = loadChecked(file, { stderr }) ?? {};
    if (compiled === undefined) failed += 1;
    else if (parsed.values.verbose) stdout.write(`${compiled.description}\n`);
    else
      stdout.write(
        `${relative(process.cwd(), file) || file}: ${compiled.plan.subTopologies.flatMap(({ nodes }) => nodes).length} nodes, ${compiled.queries.length} queries${sinksOf(compiled)}, no mistakes\n`,
      );
  }
  return failed === 0 ? 0 : 1;
}

const sinksOf = ({ deliveries }: Compiled): string =>
  deliveries.length === 0
    ? ""
    : `, ${deliveries.length} sink${deliveries.length === 1 ? "" : "s"} (${deliveries.map(({ name }) => name).join(", ")})`;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}
