import { globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { processors } from "#processors/registry.ts";
import { formatResults } from "#topology/testing/format-results.ts";
import { isPassed, runTestFiles } from "#topology/testing/run-test-files.ts";
import { parseTestFile } from "#topology/testing/parse-test-file.ts";
import { formatProblem, problemList } from "#topology/topology-error.ts";
import { coloursOf, columnsOf } from "../colours.ts";
import type { CommandHost } from "../command.ts";
import { checkedAgainst, shippedTopology } from "../shipped-topology.ts";
import { watch } from "../watch/watch.ts";

const help = `millrace test [FILE|DIR…] [--watch]

Runs the cases of *.test.yaml files, each with the topology beside it and without a broker: records in, clock and restarts in;
records, rows of queries and dead letters out. Each case runs twice, the second time with a restart after every record.
Without FILE: the tests beside the shipped topology.

What differs is shown field by field, expected beside actual, with its line; in colours on a terminal (NO_COLOR, FORCE_COLOR).

  --watch     run again whenever a file of cases, its topology, a schema or a processor changes; one screen a change, Ctrl-C ends
  -h, --help  this text

Exit codes: 0 all passed, 1 something differs or a file has mistakes, 2 wrong usage.
`;

const options = { watch: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } } as const;

/** `millrace test`. */
export async function runTestCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const { stdout, stderr } = host;
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
  if (parsed.values.watch) {
    const paths = (): readonly string[] => [...asked.flatMap(testFilesOf).flatMap(withTopology), ...checkedAgainst];
    return watch({ args: ["test", "--", ...asked], paths }, host);
  }
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
  stdout.write(formatResults(results, { ...coloursOf(host), columns: columnsOf(host) }));
  return results.every(isPassed) && !problems.some(({ severity }) => severity === "error") ? 0 : 1;
}

/** A folder stands for the tests in it, a topology for the test beside it. */
function testFilesOf(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return globSync(join(path, "*.test.yaml")).toSorted();
  return [path.endsWith(".test.yaml") ? path : path.replace(/\.yaml$/, ".test.yaml")];
}

/** A file of cases, and the topology that it is about; what cannot be read is about the one beside it. */
function withTopology(path: string): readonly string[] {
  const beside = [path, path.replace(/\.test\.(ya?ml)$/, ".$1")];
  const stamp = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const known = topologies.get(path);
  if (known !== undefined && known.stamp === stamp) return known.paths;
  let paths: readonly string[] = beside;
  try {
    const { report } = problemList();
    const topology = parseTestFile(readFileSync(path, "utf8"), path, report)?.topology;
    if (topology !== undefined) paths = [...beside, topology];
  } catch {
    // Gone between two looks; the next one sees it.
  }
  topologies.set(path, { stamp, paths });
  return paths;
}

/** What was found in files of cases, which are looked at many times a second. */
const topologies = new Map<string, { readonly stamp: number | undefined; readonly paths: readonly string[] }>();

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}
