import { readFile } from "node:fs/promises";
import type { CompileOptions } from "../compile-topology.ts";
import { checkFile } from "../check-file.ts";
import { isError, problemList, type TopologyProblem } from "../topology-error.ts";
import { parseTestFile } from "./parse-test-file.ts";
import { type CaseFailure, runCase } from "./run-case.ts";
import type { TestCase } from "./test-syntax.ts";

/** How one case went: as it is written, and again with a restart after every record. */
export type CaseResult = {
  readonly file: string;
  readonly name: string;
  readonly line: number;
  readonly failures: readonly CaseFailure[];
  readonly restartFailures: readonly CaseFailure[];
};

/** `problems` are mistakes of test files or of their topologies, whose cases were not run. */
export type TestReport = { readonly problems: readonly TopologyProblem[]; readonly results: readonly CaseResult[] };

type TestOptions = Omit<CompileOptions, "file" | "partitions">;

/** Runs the cases of `*.test.yaml` files, each beside its topology, in the engine's driver. @throws what reading a file throws */
export async function runTestFiles(paths: readonly string[], options: TestOptions): Promise<TestReport> {
  const problems: TopologyProblem[] = [];
  const results: CaseResult[] = [];
  for (const path of paths) {
    const { report, sorted } = problemList();
    const file = parseTestFile(await readFile(path, "utf8"), path, report);
    problems.push(...sorted());
    if (file === undefined || sorted().some(isError)) continue;
    for (const [partitions, cases] of Map.groupBy(file.cases, (one) => one.partitions)) {
      const { problems: found, compiled } = await checkFile(file.topology, { ...options, partitions });
      if (compiled === undefined) {
        problems.push(...found.filter(isError));
        break;
      }
      for (const one of cases)
        results.push({ ...resultOf(path, one), ...outcomes(one, (restarts) => runCase(one, compiled, { restarts })) });
    }
  }
  return { problems, results };
}

const resultOf = (file: string, { name, place }: TestCase): Pick<CaseResult, "file" | "name" | "line"> => ({
  file,
  name,
  line: place.line,
});

/** Restarts are only tried on what passes without. */
function outcomes(_case: TestCase, run: (restarts: boolean) => readonly CaseFailure[]): Pick<CaseResult, "failures" | "restartFailures"> {
  const failures = run(false);
  return { failures, restartFailures: failures.length > 0 ? [] : run(true) };
}

export const isPassed = ({ failures, restartFailures }: CaseResult): boolean => failures.length === 0 && restartFailures.length === 0;
