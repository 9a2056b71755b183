import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { processors } from "#processors/registry.ts";
import { compileTopology } from "./compile-topology.ts";
import { seededRandom } from "./testing/seeded-random.ts";
import { formatProblem, isError } from "./topology-error.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const rounds = Number(process.env["ROUNDS"] ?? 150);
const text = readFileSync(new URL("commerce.yaml", import.meta.url), "utf8");
const words = [...new Set(text.match(/[A-Za-z0-9.-]+|[^\sA-Za-z0-9]/g))];

test(`[Y1] a spoilt file is told what is wrong with it, at a place in it, and never throws (SEED=${seed}, ROUNDS=${rounds})`, () => {
  const next = seededRandom(seed);
  const lines = text.split("\n").length;
  for (let round = 0; round < rounds; round++) {
    let spoilt = text;
    for (let n = 1 + next(3); n > 0; n--) {
      const found = [...spoilt.matchAll(/[A-Za-z0-9.-]+|[^\sA-Za-z0-9#]/g)];
      const { index, 0: word } = found[next(found.length)]!;
      const other = next(4) === 0 ? "" : words[next(words.length)]!;
      spoilt = spoilt.slice(0, index) + other + spoilt.slice(index + word.length);
    }
    const { problems, compiled } = compileTopology(spoilt, { processors });
    expect(compiled === undefined).toBe(problems.some(isError));
    for (const problem of problems) {
      expect(problem.place.line, formatProblem(problem)).toBeGreaterThanOrEqual(1);
      expect(problem.place.line, formatProblem(problem)).toBeLessThanOrEqual(lines + 1);
      expect(problem.message).not.toMatch(/undefined|\[object/);
    }
  }
});
