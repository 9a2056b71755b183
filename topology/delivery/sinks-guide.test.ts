import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { processors } from "#processors/registry.ts";
import { compileTopology } from "../compile-topology.ts";
import { formatProblem } from "../topology-error.ts";

const guide = readFileSync(new URL("../../docs/sinks.md", import.meta.url), "utf8");
const shipped = readFileSync(new URL("../commerce.yaml", import.meta.url), "utf8");
const examples = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text!);

test.each(examples.map((text) => [/^ {2}(\S+):/m.exec(text)![1]!, text]))(
  "[D70] the guide's sink %s fits the shipped topology",
  (name, text) => {
    const { problems, compiled } = compileTopology(`${shipped}\n${text}`, { processors, file: "guide.yaml" });
    expect(problems.filter(({ severity }) => severity !== "info").map((problem) => formatProblem(problem))).toEqual([]);
    expect(compiled!.deliveries.map((sink) => sink.name)).toEqual([name]);
  },
);

test("[D70] the guide has an example of every kind", () => {
  const text = examples.join("");
  for (const kind of ["webhook", "slack", "email", "sns", "postgres", "redis"]) expect(text).toMatch(new RegExp(`^ {4}${kind}:`, "m"));
});
