import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { processors } from "#processors/registry.ts";
import { formatProblem } from "./topology-error.ts";
import { formatResults } from "./testing/format-results.ts";
import { isPassed, runTestFiles } from "./testing/run-test-files.ts";

const cases = fileURLToPath(new URL("commerce.test.yaml", import.meta.url));

test("[Y19] the cases beside commerce.yaml pass, with and without restarts", async () => {
  const { problems, results } = await runTestFiles([cases], { processors });
  expect(problems.map((problem) => formatProblem(problem))).toEqual([]);
  const failed = results.filter((result) => !isPassed(result));
  expect(formatResults(failed)).toBe("0 passed, 0 failed\n");
  expect(results.length).toBeGreaterThan(9);
});
