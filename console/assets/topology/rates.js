/** Pure functions: what is shown of two states of a topology. */

/** States this far apart at most are compared: longer, and a rate would be of a time in which nobody looked. */
const longestGapMs = 10_000;
/** How far back a rate looks, so that commits in bursts do not make it flicker. */
const overMs = 3000;

/** The states that rates are made of, the newest last. A server that began anew, or has other tasks now, has counted other records: it begins anew too. */
export function withState(states, next) {
  const last = states.at(-1);
  if (last === undefined) return [next];
  const gapMs = Date.parse(next.at) - Date.parse(last.at);
  if (gapMs === 0) return states;
  const fell = Object.entries(last.nodes).some(([id, before]) => !(next.nodes[id]?.in >= before.in && next.nodes[id].out >= before.out));
  if (gapMs < 0 || gapMs > longestGapMs || fell) return [next];
  const from = Date.parse(next.at) - overMs;
  return [...states.filter((state, i) => i === states.length - 1 || Date.parse(state.at) >= from), next];
}

/** Records a second in and out of each node between the first and the last state; none while there is only one. */
export function nodeRates(states) {
  const rates = new Map();
  const [first, last] = [states[0], states.at(-1)];
  const seconds = states.length < 2 ? 0 : (Date.parse(last.at) - Date.parse(first.at)) / 1000;
  if (!(seconds > 0)) return rates;
  for (const [id, after] of Object.entries(last.nodes)) {
    const before = first.nodes[id];
    if (before !== undefined) rates.set(id, { in: (after.in - before.in) / seconds, out: (after.out - before.out) / seconds });
  }
  return rates;
}

/**
 * Records a second along edges and through topics, as far as the counts of nodes say: each reader of a topic or an output gets all of it, so a node that
 * reads nothing else tells what goes along; of a node with several outputs nothing else says how many records left by which.
 */
export function flowRates(graph, rates) {
  const into = Map.groupBy(graph.edges, ({ to }) => to);
  const alongside = Map.groupBy(graph.edges, sourceOf);
  const ofSource = (edge) => {
    const reader = alongside.get(sourceOf(edge)).find(({ to }) => to.startsWith("node:") && into.get(to).length === 1);
    if (reader !== undefined) return rates.get(nameOf(reader.to))?.in;
    return edge.from.startsWith("node:") && edge.output === undefined ? rates.get(nameOf(edge.from))?.out : undefined;
  };
  const written = (name) => {
    const known = (into.get(`topic:${name}`) ?? []).map(ofSource);
    return known.length === 0 || known.includes(undefined) ? undefined : known.reduce((a, b) => a + b, 0);
  };
  const ofTopic = (name) => {
    const read = alongside.get(`topic:${name} `)?.[0];
    return (read === undefined ? undefined : ofSource(read)) ?? written(name);
  };
  const topics = new Map(graph.topics.map(({ name }) => [name, ofTopic(name)]));
  const ofEdge = (edge) => {
    if (edge.from.startsWith("topic:")) return topics.get(nameOf(edge.from));
    const left = ofSource(edge);
    return left ?? (edge.to.startsWith("topic:") && into.get(edge.to).length === 1 ? topics.get(nameOf(edge.to)) : undefined);
  };
  return { topics, edges: graph.edges.map(ofEdge) };
}

const sourceOf = ({ from, output = "" }) => `${from} ${output}`;

/** `orders` of `node:orders`. */
export const nameOf = (ref) => ref.slice(ref.indexOf(":") + 1);

/** `0/s`, `3.2/s`, `412/s`, `1.2k/s`: at most six signs, so that it fits where it stands. */
export function rateText(rate) {
  if (rate === undefined) return "";
  return `${shortCount(rate)}/s`;
}

/** At most four signs: `7`, `3.2`, `412`, `1.2k`, `3.4M`. */
export function shortCount(count) {
  if (count < 0.05) return "0";
  for (const [unit, size] of [["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9]]) {
    const scaled = count / size;
    if (scaled < 9.95 && !(Number.isInteger(count) && size === 1)) return `${scaled.toFixed(1)}${unit}`;
    if (scaled < 999.5) return `${Math.round(scaled)}${unit}`;
  }
  return "lots";
}

/** `350 ms`, `2.4 s`, `3 min`, `5 h`, `12 d`. */
export function spanText(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  for (const [unit, size, most] of [["s", 1000, 120], ["min", 60_000, 120], ["h", 3_600_000, 48]]) if (ms / size < most) return `${Math.round(ms / size)} ${unit}`;
  return `${shortCount(Math.round(ms / 86_400_000))} d`;
}

/** A wait of so long is told as something wrong. */
const tooLongMs = 2000;
export const isBehind = (input) => input !== undefined && input.records > 0 && input.ms >= tooLongMs;

/** What stands on a topic: how far its readers are behind, else what goes through it. */
export function topicText(input, rate) {
  return input !== undefined && input.records > 0 ? `lag ${shortCount(input.records)} · ${spanText(input.ms)}` : rateText(rate);
}

/** What stands below a sub-topology: that tasks stand still, and how far its watermark is behind; nothing when neither is so. */
export function groupText(sub) {
  if (sub === undefined) return "";
  const { stopped, watermarkLagMs } = sub;
  const still = stopped.length === 0 ? [] : [`${stopped.length} ${stopped.length === 1 ? "task stands" : "tasks stand"} still`];
  // Two would have no room in the frame of a single node.
  return still[0] ?? (watermarkLagMs > 0 ? `watermark ${spanText(watermarkLagMs)} behind` : "");
}

/** Records that each node refused or threw out, and those that were found out before any node, by topic. */
export function deadLettersOf(graph, state) {
  const ofNode = ({ id }) => (state.nodes[id]?.deadLettered ?? 0) + (state.nodes[id]?.takenOut ?? 0);
  return {
    nodes: new Map(graph.nodes.map((node) => [node.id, ofNode(node)])),
    topics: new Map(state.inputs.map(({ topic, deadLettered }) => [topic, deadLettered])),
  };
}
