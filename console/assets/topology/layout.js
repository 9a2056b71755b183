/** Where everything stands. Pure: the sizes are fixed, so a place depends on the plan alone, and nothing moves while figures do. */

export const sizes = {
  node: { width: 194, height: 42 },
  topic: { width: 194, height: 42 },
  repartition: { width: 104, height: 42 },
  /** Between two columns: what leads from one to the other, and the rates at its ends. */
  gap: 62,
  /** Between two ends of lines at one box. */
  port: 13,
  /** Around what runs together, with its name above and what is wrong below. */
  group: { beside: 12, above: 24, below: 22 },
};

/**
 * Vertices by name, sub-topologies, and edges in the order of the graph; left to right, as the records go. `dagre` is the layout library: it says in
 * which column and at which height each stands, and where long lines pass between boxes; the lines themselves are drawn here. `sizeOf` answers sizes of
 * one's own, for drawings that say something else in the boxes, and `gap` is what they need between two columns.
 */
export function layOut(graph, dagre, { sizeOf, gap = sizes.gap } = {}) {
  const drawn = new dagre.Graph({ compound: true, multigraph: true });
  drawn.setGraph({ rankdir: "LR", nodesep: 22, edgesep: 14, ranksep: gap, marginx: 16, marginy: 30 });
  for (const { id } of graph.subTopologies) drawn.setNode(`group:${id}`, {});
  const kinds = new Map(graph.topics.map(({ name, kind }) => [`topic:${name}`, kind]));
  const groups = new Map(graph.nodes.map(({ id, subTopology }) => [`node:${id}`, subTopology]));
  const into = Map.groupBy(graph.edges.entries(), ([, { to }]) => to);
  const outOf = Map.groupBy(graph.edges.entries(), ([, { from }]) => from);
  // The order of the plan decides where nothing else does.
  for (const ref of graph.order) {
    const size = sizeOf !== undefined ? sizeOf(ref) : groups.has(ref) ? sizes.node : kinds.get(ref) === "repartition" ? sizes.repartition : sizes.topic;
    const ends = Math.max(into.get(ref)?.length ?? 0, 1);
    drawn.setNode(ref, { width: size.width, height: Math.max(size.height, ends * sizes.port + 3) });
    if (groups.has(ref)) drawn.setParent(ref, `group:${groups.get(ref)}`);
  }
  for (const [i, { from, to }] of graph.edges.entries()) drawn.setEdge(from, to, {}, String(i));
  dagre.layout(drawn);
  const boxes = new Map(
    graph.order.map((ref) => {
      const { x, y, width, height } = drawn.node(ref);
      return [ref, { x: x - width / 2, y: y - height / 2, width, height }];
    }),
  );
  const { width, height } = drawn.graph();
  const passed = graph.edges.map(({ from, to }, i) => drawn.edge(from, to, String(i)).points.slice(1, -1).filter(({ x }) => isInColumn(x, boxes)));
  const starts = portsOf(outOf, boxes, ({ to }, i) => passed[i][0]?.y ?? middleOf(boxes.get(to)));
  const ends = portsOf(into, boxes, ({ from }, i) => passed[i].at(-1)?.y ?? middleOf(boxes.get(from)));
  return {
    width,
    height,
    boxes,
    groups: graph.subTopologies.map(({ id }) => ({
      id,
      ...around(graph.nodes.filter(({ subTopology }) => subTopology === id).map((node) => boxes.get(`node:${node.id}`))),
    })),
    edges: graph.edges.map(({ from, to }, i) => {
      const box = boxes.get(to);
      const start = { x: boxes.get(from).x + boxes.get(from).width, y: starts.get(i) };
      const end = { x: box.x, y: ends.get(i) };
      return { runs: runsOf(start, { passed: passed[i], end, boxes }), rate: { x: end.x - 33, y: end.y } };
    }),
  };
}

const middleOf = ({ y, height }) => y + height / 2;
const isInColumn = (at, boxes) => [...boxes.values()].some(({ x, width }) => at >= x && at <= x + width);

/** Where the edges of a side end, by their number: in the order of where they come from or go to, about the middle of the box. */
function portsOf(edgesOf, boxes, heightOf) {
  const ports = new Map();
  for (const [ref, edges] of edgesOf) {
    const sorted = edges.toSorted(([i, a], [j, b]) => heightOf(a, i) - heightOf(b, j) || i - j);
    const step = Math.min(sizes.port, (boxes.get(ref).height - 3) / sorted.length);
    for (const [n, [i]] of sorted.entries()) ports.set(i, middleOf(boxes.get(ref)) + (n - (sorted.length - 1) / 2) * step);
  }
  return ports;
}

/** Level pieces of a line, from left to right; between two of them it goes up or down, which is in the gap between two columns. */
function runsOf(start, { passed, end, boxes }) {
  const columnAt = (at) => {
    const there = [...boxes.values()].filter(({ x, width }) => at >= x && at <= x + width);
    return { from: Math.min(...there.map(({ x }) => x)), to: Math.max(...there.map(({ x, width }) => x + width)) };
  };
  const between = passed.map(({ x, y }) => ({ ...columnAt(x), y }));
  // Against the way of the records, in a circle, a line goes as it can.
  const forward = between.filter(({ from, to }) => from >= start.x && to <= end.x);
  return [{ from: start.x, to: start.x, y: start.y }, ...forward, { from: end.x, to: end.x, y: end.y }];
}

function around(boxes) {
  const { beside, above, below } = sizes.group;
  const left = Math.min(...boxes.map(({ x }) => x)) - beside;
  const top = Math.min(...boxes.map(({ y }) => y)) - above;
  const right = Math.max(...boxes.map(({ x, width }) => x + width)) + beside;
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height)) + below;
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** A line along its level pieces, leaving and reaching each of them level. */
export function pathOf([first, ...rest]) {
  const n = (value) => value.toFixed(1);
  let path = `M${n(first.to)} ${n(first.y)}`;
  let last = first;
  for (const run of rest) {
    const middle = (last.to + run.from) / 2;
    path += ` C${n(middle)} ${n(last.y)} ${n(middle)} ${n(run.y)} ${n(run.from)} ${n(run.y)}`;
    if (run.to !== run.from) path += ` H${n(run.to)}`;
    last = run;
  }
  return path;
}
