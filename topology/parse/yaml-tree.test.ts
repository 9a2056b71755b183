import { describe, expect, test } from "vitest";
import { formatProblem, problemList } from "../topology-error.ts";
import { readYaml, type Tree } from "./yaml-tree.ts";

function read(text: string): { tree: Tree | undefined; problems: string[] } {
  const { report, sorted } = problemList();
  const tree = readYaml(text, "f.yaml", report);
  return { tree, problems: sorted().map((problem) => formatProblem(problem)) };
}

function at(tree: Tree | undefined, ...path: readonly string[]): Tree {
  const found = path.reduce<Tree | undefined>(
    (node, name) => (node?.kind === "map" ? node.entries.get(name)?.value : node?.kind === "list" ? node.items[Number(name)] : undefined),
    tree,
  );
  if (found === undefined) throw new Error(`nothing at ${path.join(".")}`);
  return found;
}

const place = (tree: Tree | undefined, ...path: readonly string[]): string => {
  const { line, column } = at(tree, ...path).place;
  return `${line}:${column}`;
};

describe("[Y1] a place", () => {
  test("is known of every node, in blocks and in flow", () => {
    const { tree, problems } = read("a:\n  b: [1, { c: x }]\n'd e':   y\n");
    expect(problems).toEqual([]);
    expect([place(tree, "a"), place(tree, "a", "b"), place(tree, "a", "b", "1", "c"), place(tree, "d e")]).toEqual([
      "2:3",
      "2:6",
      "2:15",
      "3:10",
    ]);
  });

  test("within a text is that of its character, in plain, quoted and block texts", () => {
    const { tree } = read(`a: total > 1\nb: "total > 1"\nc: |\n  total\n   > 1\n`);
    const inside = (name: string, offset: number): string => {
      const scalar = at(tree, name);
      if (scalar.kind !== "scalar") throw new Error("no text");
      const { line, column } = scalar.at(offset);
      return `${line}:${column}`;
    };
    expect([inside("a", 6), inside("b", 6), inside("c", 0), inside("c", 7)]).toEqual(["1:10", "2:11", "4:3", "5:4"]);
  });

  test("of what an alias brings is where it is written", () => {
    const { tree, problems } = read("base: &base { x: 1 }\ncopy: *base\nmore: { <<: *base, y: 2 }\n");
    expect(problems).toEqual([]);
    expect([place(tree, "copy", "x"), place(tree, "more", "x"), place(tree, "more", "y")]).toEqual(["1:18", "1:18", "3:23"]);
  });
});

describe("[Y1] YAML", () => {
  test("that cannot be read is told at the first fault, and alone", () => {
    expect(read("a: {\nb: }\n- c\n")).toEqual({
      tree: undefined,
      problems: [expect.stringMatching(/^f\.yaml:\d:\d {2}TOPOLOGY_NOT_YAML {2}.*the rest is checked/)],
    });
    expect(read("a:\n\tb: 1\n").problems).toEqual([expect.stringContaining("f.yaml:2:1  TOPOLOGY_NOT_YAML")]);
  });

  test("with a name that is there twice is read on", () => {
    expect(read("a: 1\nb: 2\na: 3\nc: { d: 1, d: 2 }\n").problems).toEqual([
      `f.yaml:3:1  TOPOLOGY_DUPLICATE_NAME  "a" is there twice; rename one`,
      `f.yaml:4:12  TOPOLOGY_DUPLICATE_NAME  "d" is there twice; rename one`,
    ]);
  });

  test("whose alias stands in its own anchor, or has none, does no harm", () => {
    expect(read("a: &a [*a]\n").problems.join()).toContain("TOPOLOGY_NOT_YAML");
    expect(read("a: *b\n").problems.join()).toContain("TOPOLOGY_NOT_YAML");
  });
});
