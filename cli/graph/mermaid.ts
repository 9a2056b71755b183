import type { GraphRef, TopologyGraph } from "#topology/plan/graph.ts";
import { edgeLabel, isHop, nodeLines, titleOf, topicLines, wordsOf } from "./words.ts";

/** The graph as a Mermaid flowchart: sub-topologies are its subgraphs, nodes that can be asked are cylinders, topics are round. [ED4] */
export function mermaidOf(graph: TopologyGraph): string {
  // Names of the file are no ids of Mermaid: `end` and `graph` are words of its own.
  const ids = new Map<GraphRef, string>(graph.order.map((ref, i) => [ref, `v${i}`]));
  const nodes = graph.nodes.map((node) => {
    const [open, close] = node.query === undefined ? ["[", "]"] : ["[(", ")]"];
    return { subTopology: node.subTopology, line: `${ids.get(`node:${node.id}`)!}${open}"${label(nodeLines(node))}"${close}` };
  });
  const groups = graph.subTopologies.flatMap(({ id, partitions }, i) => [
    `  subgraph s${i}["${label([`${id} · ${partitions} partitions`])}"]`,
    ...nodes.filter(({ subTopology }) => subTopology === id).map(({ line }) => `    ${line}`),
    "  end",
  ]);
  const topics = graph.topics.map((topic) => {
    const [open, close] = topic.kind === "repartition" ? ["{{", "}}"] : ["([", "])"];
    return `  ${ids.get(`topic:${topic.name}`)!}${open}"${label(topicLines(topic))}"${close}`;
  });
  const edges = graph.edges.map((edge) => {
    const text = edgeLabel(edge);
    const arrow = isHop(edge, graph) ? "-.->" : "-->";
    return `  ${ids.get(edge.from)!} ${arrow}${text === "" ? "" : `|"${label([text])}"|`} ${ids.get(edge.to)!}`;
  });
  return [
    "flowchart LR",
    `  accTitle: ${accessible(titleOf(graph))}`,
    `  accDescr { ${accessible(wordsOf(graph))} }`,
    ...topics,
    ...groups,
    ...edges,
    "",
  ].join("\n");
}

/** Text between quotes: what would end it, or be read as HTML or Markdown, is written as Mermaid's entities. */
const label = (lines: readonly string[]): string => lines.map(escaped).join("<br>");
const escaped = (text: string): string => text.replace(/[#"&<>`\\*_[\]{}|]/g, (sign) => `#${sign.codePointAt(0)!};`);

/** Descriptions end at a brace or a new line, and know no entities. */
const accessible = (text: string): string => text.replace(/\s+/g, " ").replaceAll("{", "(").replaceAll("}", ")");
