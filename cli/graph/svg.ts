import type { GraphNode, GraphRef, GraphTopic, TopologyGraph } from "#topology/plan/graph.ts";
import { type Box, pathOf, placesOf, type Run, type Size } from "./places.ts";
import { edgeLabel, isHop, nodeLines, titleOf, topicLines, wordsOf } from "./words.ts";

// Boxes are made for their texts without measuring them: a monospaced letter takes 0.61 em at most in the fonts below.
const letterEm = 0.61;
const nameSize = 12;
const stepSize = 10.5;
const lineHeight = 15;
const beside = 12;
const above = 20;
const legendHeight = 30;
/** Between the end of a line and the label that stands above it. */
const beforeEnd = 12;
const leastGap = 62;

const style = `
svg { color-scheme: light dark; --paper: #ffffff; --ink: #1b2330; --quiet: #5b6675; --node: #eaf1fb; --topic: #f2f3f5; --group: #f8f9fb; --line: #c9d0d9; --edge: #7a8797; --hop: #9a3c6b; --asked: #1f63c4; }
@media (prefers-color-scheme: dark) { svg { --paper: #12161c; --ink: #e8ecf2; --quiet: #a3afbd; --node: #1c2a3d; --topic: #23282f; --group: #171c23; --line: #39424e; --edge: #8492a3; --hop: #e58ab8; --asked: #6aa5f5; } }
.paper { fill: var(--paper); }
text { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: ${stepSize}px; fill: var(--quiet); }
.name { font-size: ${nameSize}px; fill: var(--ink); }
.node .name { font-weight: 600; }
rect { stroke-width: 1; }
.group rect { fill: var(--group); stroke: var(--line); }
.node rect { fill: var(--node); stroke: var(--edge); }
.topic rect { fill: var(--topic); stroke: var(--edge); }
.topic text { text-anchor: middle; }
.hop rect { stroke: var(--hop); stroke-dasharray: 5 3; }
.node .asked { fill: var(--asked); stroke: none; }
.edge path { fill: none; stroke: var(--edge); stroke-width: 1.25; }
.edge.hop path { stroke: var(--hop); stroke-dasharray: 5 3; }
.label { text-anchor: end; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
marker path { fill: var(--edge); }
marker.hop path { fill: var(--hop); }
`;

/** The graph as an SVG that stands alone: no script, no font, no address but the namespace; light or dark as whoever looks at it has it. [ED4] */
export function svgOf(graph: TopologyGraph): string {
  const texts = new Map<GraphRef, readonly string[]>([
    ...graph.nodes.map((node) => [`node:${node.id}`, nodeLines(node)] as const),
    ...graph.topics.map((topic) => [`topic:${topic.name}`, topicLines(topic)] as const),
  ]);
  const places = placesOf(graph, { sizeOf: (ref) => sizeOf(texts.get(ref)!), gap: gapOf(graph) });
  const boxOf = (ref: GraphRef): Box => places.boxes.get(ref)!;
  const width = Math.max(places.width, 640);
  const height = places.height + legendHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n(width)} ${n(height)}" width="${n(width)}" height="${n(height)}" role="img" aria-labelledby="topology-title topology-description">`,
    `<title id="topology-title">${escaped(titleOf(graph))}</title>`,
    `<desc id="topology-description">${escaped(wordsOf(graph))}</desc>`,
    `<style>${style}</style>`,
    `<defs>${arrow("plain")}${arrow("hop")}</defs>`,
    `<rect class="paper" width="100%" height="100%"/>`,
    ...places.groups.map(
      ({ id, ...box }) => `<g class="group">${rect(box, 10)}<text x="${n(box.x + 10)}" y="${n(box.y + 16)}">${escaped(id)}</text></g>`,
    ),
    ...graph.edges.map((edge, i) => {
      const { runs } = places.edges[i]!;
      const kind = isHop(edge, graph) ? "hop" : "plain";
      return `<g class="edge ${kind}"><path d="${pathOf(runs)}" marker-end="url(#arrow-${kind})"/></g>`;
    }),
    // Above all lines, since others may pass where a label stands.
    ...graph.edges.map((edge, i) => labelAt(places.edges[i]!.runs.at(-1)!, edgeLabel(edge))).filter((label) => label !== ""),
    ...graph.nodes.map((node) => nodeBox(node, boxOf(`node:${node.id}`))),
    ...graph.topics.map((topic) => topicBox(topic, boxOf(`topic:${topic.name}`))),
    legend(places.height + 12),
    "</svg>",
    "",
  ].join("\n");
}

/** Wide enough for every label to stand clear of the column before. */
const gapOf = (graph: TopologyGraph): number =>
  Math.max(leastGap, ...graph.edges.map((edge) => Math.ceil(edgeLabel(edge).length * letterEm * stepSize) + 2 * beforeEnd));

const labelAt = (end: Run, text: string): string =>
  text === "" ? "" : `<text class="label" x="${n(end.from - beforeEnd)}" y="${n(end.y - 4)}">${escaped(text)}</text>`;

const widthOf = (lines: readonly string[]): number =>
  Math.max(...lines.map((line, i) => line.length * letterEm * (i === 0 ? nameSize : stepSize)));

const sizeOf = (lines: readonly string[]): Size => ({
  width: Math.ceil(widthOf(lines) + 2 * beside),
  height: above + lineHeight * (lines.length - 1) + 10,
});

function nodeBox(node: GraphNode, box: Box): string {
  const lines = nodeLines(node);
  const asked =
    node.query === undefined ? "" : `<rect class="asked" x="${n(box.x)}" y="${n(box.y + 6)}" width="3" height="${n(box.height - 12)}"/>`;
  const title = [node.id, ...node.does].join("\n");
  return `<g class="node"><title>${escaped(title)}</title>${rect(box, 6)}${asked}${written(lines, box, box.x + beside)}</g>`;
}

function topicBox(topic: GraphTopic, box: Box): string {
  const kind = topic.kind === "repartition" ? "topic hop" : "topic";
  const title = `${topic.name}, ${topic.partitions} partitions`;
  return `<g class="${kind}"><title>${escaped(title)}</title>${rect(box, Math.min(box.height / 2, 18))}${written(topicLines(topic), box, box.x + box.width / 2)}</g>`;
}

/** Lines of a box, about its middle. */
function written(lines: readonly string[], box: Box, x: number): string {
  const first = box.y + (box.height - lineHeight * (lines.length - 1)) / 2 + nameSize / 3;
  return lines
    .map((line, i) => `<text${i === 0 ? ' class="name"' : ""} x="${n(x)}" y="${n(first + i * lineHeight)}">${escaped(line)}</text>`)
    .join("");
}

function legend(y: number): string {
  const entries = [
    { kind: "topic", text: "topic" },
    { kind: "node", text: "node" },
    { kind: "node", text: "node whose rows can be asked for", asked: true },
    { kind: "topic hop", text: "change of key, through the log" },
  ];
  let x = 16;
  return entries
    .map(({ kind, text, asked }) => {
      const box = { x, y: y - 4, width: 22, height: 14 };
      const mark = asked === true ? `<rect class="asked" x="${n(x)}" y="${n(y - 2)}" width="3" height="10"/>` : "";
      const label = `<text x="${n(x + 30)}" y="${n(y + 7)}" style="text-anchor: start">${text}</text>`;
      x += 30 + text.length * letterEm * stepSize + 24;
      return `<g class="${kind} legend">${rect(box, kind.startsWith("topic") ? 7 : 3)}${mark}${label}</g>`;
    })
    .join("\n");
}

const arrow = (kind: string): string =>
  `<marker id="arrow-${kind}" class="${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0.5 L8 4 L0 7.5 z"/></marker>`;

const rect = ({ x, y, width, height }: Box, radius: number): string =>
  `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${n(radius)}"/>`;

const n = (value: number): string => String(Math.round(value * 10) / 10);

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
// Control characters are none of XML's, not even as entities.
const escaped = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd").replace(/[&<>"]/g, (sign) => entities[sign]!);
