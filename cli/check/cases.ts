import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { parseTestFile } from "#topology/testing/parse-test-file.ts";
import { formatProblem, isError, problemList } from "#topology/topology-error.ts";
import type { CommandHost } from "../command.ts";

/** Where the cases of a topology lie. */
export const casesBeside = (file: string): string => file.replace(/\.(ya?ml)$/, ".test.$1");

/** Whether the cases beside a topology can be read, if there are any; their mistakes go to stderr. */
export function checkCases(file: string, stderr: CommandHost["stderr"]): boolean {
  const path = casesBeside(file);
  if (path === file) return true;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return true;
  }
  const { report, sorted } = problemList();
  parseTestFile(text, relative(process.cwd(), path) || path, report);
  const problems = sorted();
  for (const problem of problems) if (problem.severity !== "info") stderr.write(`${formatProblem(problem)}\n`);
  return !problems.some(isError);
}
