import { readFileSync } from "node:fs";
import * as dagre from "@dagrejs/dagre";
import { expect, test } from "vitest";
import { processors } from "#processors/registry.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { compileTopology } from "#topology/compile-topology.ts";

type Vertex = { readonly id: string; readonly subTopology: string };
type Graph = {
  readonly nodes: readonly Vertex[];
  readonly topics: readonly { readonly name: string; readonly kind: string }[];
  readonly subTopologies: readonly { readonly id: string }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly output?: string }[];
  readonly order: readonly string[];
};
type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
type Run = { readonly from: number; readonly to: number; readonly y: number };
type Places = {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Box>;
  readonly groups: readonly (Box & { readonly id: string })[];
  readonly edges: readonly { readonly runs: readonly Run[] }[];
};
type Counts = { readonly in: number; readonly out: number };
type State = { readonly at: string; readonly nodes: Readonly<Record<string, Counts>> };
type Lag = { readonly records: number; readonly ms: number };
type Rates = ReadonlyMap<string, Counts>;

/** The page's scripts are plain JavaScript, as browsers take them: loaded as they are. */
async function script<T>(name: string): Promise<T> {
  return (await import(new URL(`./assets/topology/${name}`, import.meta.url).href)) as T;
}
const { layOut, pathOf } = await script<{ layOut: (graph: Graph, library: object) => Places; pathOf: (runs: readonly Run[]) => string }>(
  "layout.js",
);
const { withState, nodeRates, flowRates, rateText, shortCount, spanText, topicText, isBehind, groupText } = await script<{
  withState: (states: readonly State[], next: State) => readonly State[];
  nodeRates: (states: readonly State[]) => Rates;
  flowRates: (graph: Graph, rates: Rates) => { topics: ReadonlyMap<string, number | undefined>; edges: readonly (number | undefined)[] };
  rateText: (rate: number | undefined) => string;
  shortCount: (count: number) => string;
  spanText: (ms: number) => string;
  topicText: (input: Lag | undefined, rate: number | undefined) => string;
  isBehind: (input: Lag | undefined) => boolean;
  groupText: (sub: { readonly stopped: readonly string[]; readonly watermarkLagMs: number } | undefined) => string;
}>("rates.js");

const shipped = readFileSync(new URL("../topology/commerce.yaml", import.meta.url), "utf8");
/** As the server answers it. */
const commerce = JSON.parse(JSON.stringify(compileTopology(shipped, { processors }).compiled!.graph)) as Graph;

const isApart = (a: Box, b: Box): boolean => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
const isWithin = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

function overlaps(graph: Graph, { width, height, boxes, groups, edges }: Places): readonly string[] {
  const wrong: string[] = [];
  const named = [...boxes];
  for (const [i, [a, box]] of named.entries()) {
    if (!isWithin(box, { x: 0, y: 0, width, height })) wrong.push(`${a} is outside`);
    for (const [b, other] of named.slice(i + 1)) if (!isApart(box, other)) wrong.push(`${a} and ${b}`);
    for (const group of groups) {
      const isIn = graph.nodes.some(({ id, subTopology }) => `node:${id}` === a && subTopology === group.id);
      if (isIn ? !isWithin(box, group) : !isApart(box, group)) wrong.push(`${a} and the frame of ${group.id}`);
    }
  }
  for (const [i, a] of groups.entries())
    for (const b of groups.slice(i + 1)) if (!isApart(a, b)) wrong.push(`frames of ${a.id} and ${b.id}`);
  for (const [i, { runs }] of edges.entries()) {
    for (const { from, to, y } of runs.slice(1, -1)) {
      for (const [ref, box] of named)
        if (!isApart(box, { x: from, y, width: to - from, height: 0 })) wrong.push(`line ${JSON.stringify(graph.edges[i])} through ${ref}`);
    }
  }
  return wrong;
}

test("[TV5] of the shipped topology everything has its place, and nothing stands on anything else", () => {
  const places = layOut(commerce, dagre);
  expect([...places.boxes.keys()].toSorted()).toEqual(commerce.order.toSorted());
  expect(overlaps(commerce, places)).toEqual([]);
  // The same plan is drawn the same way.
  expect(layOut(commerce, dagre)).toEqual(places);
  for (const { runs } of places.edges) expect(pathOf(runs)).toMatch(/^M[\d. ]+( [CH][-\d. ]+)+$/);
});

/** Sub-topologies one behind the other, each of some nodes in layers, with topics between and behind them. */
function randomGraph(seed: number): Graph {
  const random = seededRandom(seed);
  const nodes: Vertex[] = [];
  const topics: Graph["topics"][number][] = [];
  const edges: Graph["edges"][number][] = [];
  const subTopologies: { id: string }[] = [];
  for (let s = 0; s < random.between(1, 6); s++) {
    const id = `sub-${s}`;
    subTopologies.push({ id });
    const source = { name: `topic-${s}`, kind: random.pick(["events", "repartition"]) };
    topics.push(source);
    const earlier = nodes.slice();
    if (earlier.length > 0) edges.push({ from: `node:${random.pick(earlier).id}`, to: `topic:${source.name}` });
    const own: Vertex[] = [];
    for (let n = 0; n < random.between(1, 7); n++) {
      const node = { id: `node-${s}-${n}`, subTopology: id };
      const from = own.length === 0 || random.chance(0.3) ? [`topic:${source.name}`] : [`node:${random.pick(own).id}`];
      if (own.length > 1 && random.chance(0.4)) from.push(`node:${random.pick(own).id}`);
      for (const one of new Set(from)) edges.push({ from: one, to: `node:${node.id}` });
      own.push(node);
    }
    nodes.push(...own);
    if (random.chance(0.5)) {
      topics.push({ name: `result-${s}`, kind: "records" });
      edges.push({ from: `node:${random.pick(own).id}`, to: `topic:result-${s}` });
    }
  }
  const order = [...topics.map(({ name }) => `topic:${name}`), ...nodes.map(({ id }) => `node:${id}`)];
  return { nodes, topics, edges, subTopologies, order };
}

test("[TV5] nor of any other", () => {
  const seed = testSeed();
  for (let i = 0; i < 60; i++) {
    const graph = randomGraph(seed + i);
    expect({ seed: seed + i, wrong: overlaps(graph, layOut(graph, dagre)) }).toEqual({ seed: seed + i, wrong: [] });
  }
});

const stateAt = (seconds: number, nodes: State["nodes"]): State => ({ at: new Date(1e12 + seconds * 1000).toISOString(), nodes });

test("[TV6] rates are differences over the last seconds; what fell, or was not looked at for long, begins anew, and none is negative", () => {
  let states: readonly State[] = [];
  const next = (seconds: number, entered: number): number | undefined => {
    states = withState(states, stateAt(seconds, { orders: { in: entered, out: entered } }));
    return nodeRates(states).get("orders")?.in;
  };
  expect([next(0, 100), next(1, 110), next(2, 130), next(3, 160), next(4, 200)]).toEqual([undefined, 10, 15, 20, 30]);
  expect(next(4, 200)).toBe(30);
  // The server began anew with less, then went on.
  expect([next(5, 20), next(6, 25)]).toEqual([undefined, 5]);
  // Nobody looked for a while.
  expect([next(60, 1000), next(61, 1007)]).toEqual([undefined, 7]);
  // Its clock was set back.
  expect([next(30, 1010), next(31, 1011)]).toEqual([undefined, 1]);
  const seed = testSeed();
  const random = seededRandom(seed);
  let [at, count] = [1000, 0];
  for (let i = 0; i < 500; i++) {
    at += random.between(1, 4000) / 1000;
    count = random.chance(0.1) ? random.between(0, count) : count + random.between(0, 500);
    expect({ seed, rate: next(at, count) ?? 0 }).toEqual({
      seed,
      rate: expect.toSatisfy((rate: number) => rate >= 0 && Number.isFinite(rate)),
    });
  }
});

test("[TV6] a topic and an edge move as many records as somebody counts who reads nothing else; what nobody counts is not guessed", () => {
  const edge = (from: string, to: string, output?: string): Graph["edges"][number] => ({
    from,
    to,
    ...(output === undefined ? {} : { output }),
  });
  const graph: Graph = {
    nodes: [],
    subTopologies: [],
    order: [],
    topics: ["in", "both", "low", "refused", "end"].map((name) => ({ name, kind: "events" })),
    edges: [
      edge("topic:in", "node:first"),
      edge("topic:in", "node:joins"),
      edge("node:first", "node:joins"),
      edge("node:joins", "topic:low", "low"),
      edge("node:joins", "node:reads-low", "low"),
      edge("node:joins", "topic:refused", "refused"),
      edge("node:first", "topic:both"),
      edge("node:reads-low", "topic:both"),
      edge("node:reads-low", "topic:end"),
    ],
  };
  const rates: Rates = new Map([
    ["first", { in: 10, out: 8 }],
    ["joins", { in: 18, out: 7 }],
    ["reads-low", { in: 3, out: 2 }],
  ]);
  const flow = flowRates(graph, rates);
  expect(flow.edges).toEqual([10, 10, 8, 3, 3, undefined, 8, 2, 2]);
  expect(Object.fromEntries(flow.topics)).toEqual({ in: 10, both: 10, low: 3, refused: undefined, end: 2 });
  expect(flowRates(graph, new Map()).edges.every((rate) => rate === undefined)).toBe(true);
});

test("[TV6] figures fit where they stand, whatever they are", () => {
  const counts = [0, 0.04, 0.05, 1, 3.24, 9.96, 12, 412.4, 999.6, 1234, 99_999, 999_999, 1_234_567, 1e15];
  expect(counts.map(shortCount)).toEqual(["0", "0", "0.1", "1", "3.2", "10", "12", "412", "1.0k", "1.2k", "100k", "1.0M", "1.2M", "lots"]);
  expect(counts.every((count) => rateText(count).length <= 6)).toBe(true);
  expect(rateText(undefined)).toBe("");
  expect([0, 350, 2400, 59_000, 180_000, 5 * 3_600_000, 12 * 86_400_000].map(spanText)).toEqual([
    "0 ms",
    "350 ms",
    "2.4 s",
    "59 s",
    "3 min",
    "5 h",
    "12 d",
  ]);
});

test("[TV8] a topic tells how far its readers are behind, a sub-topology its watermark's lag or that it stands still, where there is any", () => {
  const input = { records: 1234, ms: 350 };
  expect([topicText(input, 5), isBehind(input)]).toEqual(["lag 1.2k · 350 ms", false]);
  expect([topicText({ records: 3, ms: 2400 }, 5), isBehind({ records: 3, ms: 2400 })]).toEqual(["lag 3 · 2.4 s", true]);
  expect([topicText({ records: 0, ms: 0 }, 5), topicText(undefined, undefined)]).toEqual(["5/s", ""]);
  expect(groupText({ stopped: [], watermarkLagMs: 0 })).toBe("");
  expect(groupText({ stopped: [], watermarkLagMs: 1200 })).toBe("watermark 1.2 s behind");
  expect(groupText({ stopped: ["a/1"], watermarkLagMs: 1200 })).toBe("1 task stands still");
  expect(groupText(undefined)).toBe("");
});

test("[TV7] bytes are shown as the text that they are, else letter by letter, and no control character reaches the page", async () => {
  const { bytesText } = await script<{ bytesText: (value: { text: string | null; base64: string }) => string }>("bytes-text.js");
  expect(bytesText({ text: '{"a":\n\t"ä\u0000\u007F"}', base64: "" })).toBe('{"a":\n\t"ä··"}');
  expect(bytesText({ text: null, base64: Buffer.from([0, 72, 105, 10, 200, 126]).toString("base64") })).toBe("·Hi··~");
});
