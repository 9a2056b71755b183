import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { processors } from "#processors/registry.ts";
import { compileTopology, type Compiled } from "#topology/compile-topology.ts";
import { formatProblem, isError } from "#topology/topology-error.ts";
import type { CommandHost } from "./command.ts";

/** What was compiled, and of which text. */
export type Checked = { readonly compiled: Compiled; readonly text: string };

/** The compiled topology, or undefined once all its mistakes are on stderr, as `file:line:column  CODE  message`; warnings go there too. */
export function loadChecked(path: string, { stderr }: Pick<CommandHost, "stderr">): Checked | undefined {
  const file = relative(process.cwd(), path) || path;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    stderr.write(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
  const { problems, compiled } = compileTopology(text, { processors, file });
  for (const problem of problems) if (problem.severity !== "info") stderr.write(`${formatProblem(problem)}\n`);
  return compiled === undefined || problems.some(isError) ? undefined : { compiled, text };
}
