import { globSync, readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { describe, expect, test, vi } from "vitest";
import { processors } from "#processors/registry.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import { compileTopology } from "../compile-topology.ts";
import { readYaml, type Tree } from "../parse/yaml-tree.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { isError, type TopologyProblem } from "../topology-error.ts";
import { editorSchema } from "./editor-schema.ts";

// Hundreds of files are compiled.
vi.setConfig({ testTimeout: 120_000 });
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const share = Number(process.env["SHARE"] ?? 8);
const schema = editorSchema({ processors, events: eventRegistry });
// Words of editors, which a validator does not know.
const isValid: ValidateFunction = new Ajv({ strict: false, allErrors: false }).compile(schema);
const folder = new URL("..", import.meta.url);

type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

function valueOf(tree: Tree): Value {
  if (tree.kind === "list") return tree.items.map(valueOf);
  return tree.kind === "map" ? Object.fromEntries([...tree.entries].map(([name, { value }]) => [name, valueOf(value)])) : tree.value;
}
const fileOf = (name: string): Value => valueOf(readYaml(readFileSync(new URL(name, folder), "utf8"), name, () => undefined)!);
const problemsOf = (value: Value): readonly TopologyProblem[] => compileTopology(JSON.stringify(value), { processors }).problems;
const refuses = (value: Value): boolean => !isValid(value);

describe("[ED1] the schema", () => {
  test("takes every topology of the repository, whose first line names it", () => {
    const files = globSync(["topology/*.yaml", "topology/fixtures/*.yaml", "{bench,checks,cli,queries,engine,console}/**/*.yaml"], {
      cwd: new URL("..", folder),
    }).filter((name) => !name.endsWith(".test.yaml") && !name.endsWith("ten-mistakes.yaml"));
    expect(files).toContain("topology/commerce.yaml");
    for (const name of files) {
      expect({ name, refused: refuses(fileOf(`../${name}`)), errors: isValid.errors }).toEqual({ name, refused: false, errors: null });
      expect(readFileSync(new URL(`../${name}`, folder), "utf8").split("\n")[0]).toMatch(
        /^# yaml-language-server: \$schema=\S*topology\.schema\.json$/,
      );
    }
  });

  test("takes every sink of the guide, and refuses one with a field too many or a secret in plain words", () => {
    const guide = readFileSync(new URL("../docs/sinks.md", folder), "utf8");
    const shipped = fileOf("commerce.yaml") as { readonly [name: string]: Value };
    const examples = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) =>
      valueOf(readYaml(text!, "sinks.md", () => undefined)!),
    );
    expect(examples.length).toBeGreaterThan(6);
    for (const example of examples) {
      const { sinks } = example as { readonly sinks: Record<string, Record<string, Value>> };
      const file = { ...shipped, sinks };
      expect({ sinks, refused: refuses(file), errors: isValid.errors }).toEqual({ sinks, refused: false, errors: null });
      const [[name, sink]] = Object.entries(sinks) as [[string, Record<string, Value>]];
      expect(refuses({ ...shipped, sinks: { [name]: { ...sink, form: "x" } } })).toBe(true);
    }
    const webhook = { url: "https://partner.example", secret: "in plain words, as it should not be" };
    expect(refuses({ ...shipped, sinks: { partner: { from: "stock", webhook } } })).toBe(true);
  });

  test("in the repository is that of these sources", () => {
    expect(JSON.parse(readFileSync(new URL("topology.schema.json", folder), "utf8"))).toEqual(schema);
  });

  test("has a description of every field", () => {
    const without: string[] = [];
    const look = (at: unknown, path: string): void => {
      if (typeof at !== "object" || at === null) return;
      for (const [name, inner] of Object.entries(at)) {
        if (name !== "properties") look(inner, path);
        else
          for (const [field, one] of Object.entries(inner as Record<string, { description?: string } | boolean>)) {
            if (typeof one === "object" && !Object.hasOwn(one, "const") && one.description === undefined) without.push(`${path}.${field}`);
            look(one, `${path}.${field}`);
          }
      }
    };
    const { allOf: _conditions, ...node } = (schema.properties!["nodes"] as { additionalProperties: Record<string, unknown> })
      .additionalProperties;
    look({ properties: { ...schema.properties, nodes: { description: "…", additionalProperties: node } } }, "");
    for (const { if: when, then } of (_conditions ?? []) as readonly { if: { properties?: object }; then?: object }[]) {
      if (when.properties !== undefined) look((then as { properties: { with: object } }).properties.with, "with");
    }
    expect(without).toEqual([]);
  });
});

type Mutation = { readonly what: string; readonly value: Value };
const others: readonly Value[] = [null, "", " ", 7, -1, 1.5, true, [], {}, "no such", "1 day", "0s", ["a"], { a: "b" }];

/** The value with one thing changed, in every place and way. */
function* mutations(value: Value, path = ""): Generator<Mutation> {
  for (const other of others) yield { what: `${path} = ${JSON.stringify(other)}`, value: other };
  if (Array.isArray(value)) {
    const list = value as readonly Value[];
    for (const [i, one] of list.entries()) {
      for (const { what, value: inner } of mutations(one, `${path}[${i}]`)) yield { what, value: list.with(i, inner) };
    }
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    yield { what: `${path}.unknown`, value: Object.fromEntries([...entries, ["unknown", 1]]) };
    for (const [i, [name, one]] of entries.entries()) {
      yield { what: `${path}.${name} misspelt`, value: Object.fromEntries(entries.with(i, [`${name}x`, one])) };
      yield { what: `${path}.${name} left out`, value: Object.fromEntries(entries.toSpliced(i, 1)) };
      for (const { what, value: inner } of mutations(one, `${path}.${name}`)) {
        yield { what, value: Object.fromEntries(entries.with(i, [name, inner])) };
      }
    }
  }
}

/** What the schema can know of: the rest takes names and types. */
const ofShape: readonly string[] = [
  "TOPOLOGY_UNKNOWN_FIELD",
  "TOPOLOGY_MISSING_FIELD",
  "TOPOLOGY_BAD_DURATION",
  "TOPOLOGY_UNKNOWN_PROCESSOR",
];

describe("[ED2] one thing changed in a valid file", () => {
  // All of them take a minute: every eighth, another eighth each time; `SHARE=1` takes all.
  test(`what the schema refuses, the check refuses; a field or duration that the check refuses, the schema refuses (SEED=${seed})`, () => {
    const file = fileOf("fixtures/every-field.yaml");
    expect(problemsOf(file).filter(isError)).toEqual([]);
    const tooStrict: string[] = [];
    const tooLax: string[] = [];
    let refused = 0;
    let count = seed;
    for (const { what, value } of mutations(file)) {
      if (++count % share !== 0) continue;
      const isRefused = refuses(value);
      const errors = problemsOf(value).filter(isError);
      if (isRefused && ++refused && errors.length === 0) tooStrict.push(`${what}: ${JSON.stringify(isValid.errors)}`);
      if (!isRefused && errors.some(({ code }) => ofShape.includes(code))) tooLax.push(`${what}: ${errors[0]!.message}`);
    }
    expect({ tooStrict, tooLax }).toEqual({ tooStrict: [], tooLax: [] });
    expect(refused).toBeGreaterThan(800 / share);
  });

  test(`the same of the shipped file, three things changed (SEED=${seed})`, () => {
    const next = seededRandom(seed);
    const file = fileOf("commerce.yaml");
    let refused = 0;
    for (let round = 0; round < 10; round++) {
      let value: Value = file;
      for (let n = 1 + next(3); n > 0; n--) {
        // Of the file itself little is left if the top is replaced.
        const all = [...mutations(value)].slice(others.length);
        value = all[next(all.length)]!.value;
      }
      if (!refuses(value)) continue;
      refused += 1;
      expect(problemsOf(value).some(isError), JSON.stringify(isValid.errors)).toBe(true);
    }
    expect(refused).toBeGreaterThan(0);
  });
});
