import type { Processor } from "@millrace/engine";
import { compileTopology } from "../compile-topology.ts";
import { formatProblem, isError, problemList } from "../topology-error.ts";
import { parseTestFile } from "./parse-test-file.ts";
import { failureLines, runCase } from "./run-case.ts";

/** Compiles a topology given as text and runs the cases given as text, each with and without restarts; answers what went otherwise. */
export function runInline(topology: string, cases: string, processors: readonly Processor[] = []): readonly string[] {
  const { report, sorted } = problemList();
  const file = parseTestFile(cases, "cases", report);
  const lines = sorted().map((problem) => formatProblem(problem));
  for (const one of file?.cases ?? []) {
    const { problems, compiled } = compileTopology(topology, { processors, partitions: one.partitions, environment: {} });
    lines.push(...problems.filter(isError).map((problem) => formatProblem(problem)));
    if (compiled === undefined) continue;
    for (const restarts of [false, true]) {
      for (const failure of runCase(one, compiled, { restarts }))
        lines.push(...failureLines(failure).map((line) => `${one.name}${restarts ? " (restarts)" : ""}: ${line}`));
    }
  }
  return lines;
}
