import { byId, element, setText } from "../elements.js";
import { grouped } from "../format.js";
import { readPlan } from "../plan.js";
import { poll } from "../poll.js";
import { Drawing } from "./drawing.js";
import { layOut } from "./layout.js";
import { Panel } from "./panel.js";
import { deadLettersOf, flowRates, nodeRates, rateText, withState } from "./rates.js";
import { setAttribute } from "./shapes.js";
import * as dagre from "/console/packages/dagre.js";

/** Below this part of its size the drawing scrolls instead of shrinking further: its texts would be too small. */
const smallestScale = 0.85;

const section = byId("topology");
const note = section.querySelector("[role=status]");
let states = [];
let figures;

void main();

async function main() {
  const graph = await readPlan(() => setText(note, "The plan could not be read; trying again."));
  const panel = new Panel(graph);
  const drawing = new Drawing(graph, layOut(graph, dagre), (ref) => panel.open(ref, figures));
  const box = section.querySelector(".drawing");
  box.replaceChildren(drawing.svg);
  section.append(panel.dialog);
  drawing.fitNames();
  fit(drawing, box);
  showBeginning(drawing, box);
  const list = listOf(graph, (ref) => panel.open(ref, figures));
  section.querySelector("details").append(list.table);
  setText(section.querySelector(".legend"), legendOf(graph));
  poll({
    path: () => "/v1/topology/state",
    show: (state) => {
      states = withState(states, state);
      const rates = nodeRates(states);
      figures = { state, rates, flow: flowRates(graph, rates), letters: deadLettersOf(graph, state) };
      drawing.show(state, figures);
      panel.show(figures);
      list.show(figures);
      setText(note, whatIsWrong(state));
    },
    fail: (failure) => {
      const detail = failure.kind === "gone" ? "The server does not answer" : (failure.problem.detail ?? `status ${failure.status}`);
      setText(note, `${detail}; what is shown is of ${figures === undefined ? "no moment" : `${figures.state.at.slice(11, 19)} UTC`}.`);
    },
  });
}

function fit({ svg, places }, box) {
  const { width, height } = places;
  const resize = () => {
    const scale = Math.min(1, Math.max(smallestScale, box.clientWidth / width));
    setAttribute(svg, "width", Math.round(width * scale));
    setAttribute(svg, "height", Math.round(height * scale));
  };
  new ResizeObserver(resize).observe(box);
  resize();
}

/** Where not all of it has room, the first topics are seen first. */
function showBeginning({ svg, places }, box) {
  const first = [...places.boxes.values()].filter(({ x }) => x < places.width / 10);
  const middle = first.reduce((sum, { y }) => sum + y, 0) / Math.max(first.length, 1);
  box.scrollTop = (middle * svg.clientHeight) / places.height - box.clientHeight / 2;
}

function legendOf({ nodes, topics, subTopologies }) {
  const hops = topics.filter(({ kind }) => kind === "repartition").length;
  return `${grouped(nodes.length)} nodes run in ${grouped(subTopologies.length)} sub-topologies between ${grouped(topics.length - hops)} topics; dashed lines change the key, which is a hop through the log. Select one for more.`;
}

/** The same as a table, for those whom a drawing tells nothing. */
function listOf(graph, open) {
  const rows = new Map();
  const nodes = graph.order.filter((ref) => ref.startsWith("node:")).map((ref) => graph.nodes.find(({ id }) => `node:${id}` === ref));
  const body = element("tbody", {}, nodes.map((node) => {
    const button = element("button", { type: "button" }, [node.id]);
    button.addEventListener("click", () => open(`node:${node.id}`));
    const figuresOf = [0, 1, 2].map(() => element("td", { class: "number" }));
    const reads = graph.edges.filter(({ to }) => to === `node:${node.id}`).map(({ from }) => from.slice(from.indexOf(":") + 1));
    rows.set(node.id, figuresOf);
    return element("tr", {}, [element("th", { scope: "row" }, [button]), element("td", { class: "long" }, [reads.join(", ")]), ...figuresOf]);
  }));
  const head = ["node", "reads", "in", "out", "dead letters"].map((text, i) => element("th", { scope: "col", class: i > 1 ? "number" : "" }, [text]));
  return {
    table: element("table", {}, [element("caption", {}, ["Nodes in the order of the records' way"]), element("thead", {}, [element("tr", {}, head)]), body]),
    show: ({ rates, letters }) => {
      for (const [id, [entered, left, aside]] of rows) {
        setText(entered, rateText(rates.get(id)?.in));
        setText(left, rateText(rates.get(id)?.out));
        setText(aside, grouped(letters.nodes.get(id) ?? 0));
      }
    },
  };
}

function whatIsWrong({ subTopologies }) {
  const stopped = subTopologies.flatMap((sub) => sub.stopped);
  return stopped.length === 0 ? "" : `Tasks stand still after a bug: ${stopped.join(", ")}. The log says why.`;
}
