import { relative } from "node:path";
import { parseArgs } from "node:util";
import type { Compiled } from "#topology/compile-topology.ts";
import type { CommandHost } from "../command.ts";
import { loadChecked } from "../load-checked.ts";
import { checkedAgainst, shippedTopology } from "../shipped-topology.ts";
import { watch } from "../watch/watch.ts";
import { casesBeside, checkCases } from "./cases.ts";

const help = `millrace check [FILE…] [--verbose] [--watch]

Checks topology files: every mistake at once, as file:line:column  CODE  message, with what was probably meant.
The cases beside a file (*.test.yaml) are read too, not run.
Without FILE: the shipped topology/commerce.yaml.

  --verbose   describe what was compiled: nodes, topics, stores, sinks, and the hops on every path
  --watch     check again whenever a file, its cases, a schema or a processor changes; one screen a change, Ctrl-C ends
  -h, --help  this text

Exit codes: 0 no mistake (warnings may be), 1 mistakes, 2 wrong usage.
`;

const options = {
  verbose: { type: "boolean", default: false },
  watch: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** `millrace check`. */
export async function runCheckCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const { stdout, stderr } = host;
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
  const files = parsed.positionals.length === 0 ? [shippedTopology] : parsed.positionals;
  if (parsed.values.watch) {
    const again = ["check", ...(parsed.values.verbose ? ["--verbose"] : []), "--", ...files];
    const paths = [...files, ...files.map(casesBeside), ...checkedAgainst];
    return watch({ args: again, paths: () => paths }, host);
  }
  let failed = 0;
  for (const file of files) {
    const { compiled } = loadChecked(file, { stderr }) ?? {};
    const areCasesRead = checkCases(file, stderr);
    if (compiled === undefined || !areCasesRead) failed += 1;
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
