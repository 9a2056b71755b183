import { globSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { processors } from "#processors/registry.ts";
import { formatResults, isPassed, runTestFiles } from "#topology/testing/run-test-files.ts";
import { formatProblem } from "#topology/topology-error.ts";
import type { CommandHost } from "../command.ts";
import { shippedTopology } from "../shipped-topology.ts";

const help = `millrace test [FILE|DIR…]

Runs the cases of *.test.yaml files, each with the topology beside it and without a broker: records in, clock and restarts in;
records, rows of queries and dead letters out. Each case runs twice, the second time with a restart after every record.
Without FILE: the tests beside the shipped topology.

  -h, --help  this text

Exit codes: 0 all passed, 1 something differs or a file has mistakes, 2 wrong usage.
`;

const options = { help: { type: "boolean", short: "h", default: false } } as const;

/** `millrace test`. */
export async function runTestCommand(args: readonly string[], { stdout, stderr }: CommandHost): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\nmillrace test --help says more\n`);
    return 2;
  }
  if (parsed.values.help) {
    stdout.write(help);
    return 0;
  }
  const asked = parsed.positionals.length === 0 ? [dirname(shippedTopology)] : parsed.positionals;
  const files = asked.flatMap(testFilesOf);
  if (files.length === 0) {
    stderr.write(`no *.test.yaml in ${asked.join(", ")}\n`);
    return 2;
  }
  const missing = files.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() !== true);
  if (missing.length > 0) {
    stderr.write(`there is no ${missing.join(", ")}\n`);
    return 2;
  }
  const { problems, results } = await runTestFiles(files, { processors });
  for (const problem of problems) if (problem.severity !== "info") stderr.write(`${formatProblem(problem)}\n`);
  stdout.write(formatResults(results));
  return results.every(isPassed) && !problems.some(({ severity }) => severity === "error") ? 0 : 1;
}

/** A folder stands for the tests in it, a topology for the test beside it. */
function testFilesOf(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return globSync(join(path, "*.test.yaml")).toSorted();
  return [path.endsWith(".test.yaml") ? path : path.replace(/\.yaml$/, ".test.yaml")];
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}
