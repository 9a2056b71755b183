import { readFileSync } from "node:fs";
import { processors } from "#processors/registry.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import { isError } from "#topology/topology-error.ts";

const read = (name: string): string => readFileSync(new URL(`../../../topology/${name}`, import.meta.url), "utf8");

/** Names and texts that a drawing could stumble over: words of Mermaid, marks of HTML and Markdown, braces, other scripts. */
const awkward = `topology: end
nodes:
  graph:
    from: business.inventory.received
    where: 'data.sku != "<b>&\\"quoted\\"</b>; [x](y) {z} | \`w\` *s* _u_ #35; %% \\\\n" && data.quantity < 5'
    key: { as: end, of: '"größer 💡 ]]> --> "' }
  subgraph:
    from: graph
    aggregate: { style: max(data.sku), click: count() }
  class-def:
    from: business.inventory.adjusted
    branch: { end: 'key == "a"', default: "true" }
    to: { end: audit.end.style }
  linkstyle: { from: class-def.default, table: { by: '"%%{init: {}}%%"' } }
`;

export function graphOfText(text: string): TopologyGraph {
  const { compiled, problems } = compileTopology(text, { processors });
  if (compiled === undefined)
    throw new Error(
      problems
        .filter(isError)
        .map(({ message }) => message)
        .join("\n"),
    );
  return compiled.graph;
}

/** Graphs by name. */
export const drawnTopologies: readonly { readonly name: string; readonly graph: TopologyGraph }[] = [
  { name: "the shipped topology", graph: graphOfText(read("commerce.yaml")) },
  { name: "one with every field", graph: graphOfText(read("fixtures/every-field.yaml")) },
  { name: "one with awkward names", graph: graphOfText(awkward) },
];
