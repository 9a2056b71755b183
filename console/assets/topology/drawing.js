import { setText } from "../elements.js";
import { pathOf } from "./layout.js";
import { groupText, isBehind, nameOf, rateText, shortCount, topicText } from "./rates.js";
import { setAttribute, shape, shorten } from "./shapes.js";

/** The topology as a drawing, and a way to show figures on it. `open(ref)` is called for a node or a topic that somebody wants to know more of. */
export class Drawing {
  constructor(graph, places, open) {
    this.graph = graph;
    this.places = places;
    this.vertices = new Map();
    this.groups = new Map();
    this.edges = [];
    this.svg = shape("svg", {
      role: "group",
      "aria-label": `Topology ${graph.topology}: ${graph.nodes.length} nodes and ${graph.topics.length} topics. Arrow keys move, Enter tells more.`,
      viewBox: `0 0 ${places.width} ${places.height}`,
      width: places.width,
      height: places.height,
    });
    this.svg.append(arrowHeads(), ...this.drawGroups(), ...this.drawEdges(), ...this.drawVertices(open));
    this.focusable(this.vertices.keys().next().value);
    this.svg.addEventListener("keydown", (event) => this.move(event));
  }

  drawGroups() {
    return this.places.groups.map(({ id, x, y, width, height }) => {
      const name = shape("text", { class: "name", "data-room": width - 20, x: x + 10, y: y + 16 }, [id]);
      const lag = shape("text", { class: "lag", x: x + 10, y: y + height - 8 });
      const drawn = shape("g", { class: "group" }, [shape("rect", { x, y, width, height, rx: 10 }), name, lag, shape("title", {}, [`sub-topology ${id}`])]);
      this.groups.set(id, { drawn, lag });
      return drawn;
    });
  }

  drawEdges() {
    const repartitions = new Set(this.graph.topics.filter(({ kind }) => kind === "repartition").map(({ name }) => `topic:${name}`));
    return this.graph.edges.map((edge, i) => {
      const { runs, rate: at } = this.places.edges[i];
      const isHop = repartitions.has(edge.from) || repartitions.has(edge.to);
      const rate = shape("text", { class: "rate", x: at.x, y: at.y + 4 });
      const kind = isHop ? "hop" : "plain";
      const path = shape("path", { d: pathOf(runs), "marker-end": `url(#arrow-${kind})` });
      const by = [edge.output && `output ${edge.output}`, edge.port && `input ${edge.port}`, isHop && "a change of key: a hop through the log"].filter(Boolean);
      const title = shape("title", {}, [`${nameOf(edge.from)} → ${nameOf(edge.to)}${by.length === 0 ? "" : ` (${by.join(", ")})`}`]);
      const drawn = shape("g", { class: `edge ${kind}`, "aria-hidden": "true" }, [title, path, rate]);
      this.edges.push({ drawn, rate });
      return drawn;
    });
  }

  drawVertices(open) {
    const nodes = new Map(this.graph.nodes.map((node) => [`node:${node.id}`, node]));
    const topics = new Map(this.graph.topics.map((topic) => [`topic:${topic.name}`, topic]));
    return this.graph.order.map((ref) => {
      const node = nodes.get(ref);
      const vertex = node === undefined ? drawTopic(topics.get(ref), this.places.boxes.get(ref)) : drawNode(node, this.places.boxes.get(ref));
      vertex.drawn.dataset.ref = ref;
      vertex.drawn.addEventListener("click", () => {
        this.focusable(ref);
        open(ref);
      });
      vertex.drawn.addEventListener("focus", () => this.focusable(ref));
      this.vertices.set(ref, vertex);
      return vertex.drawn;
    });
  }

  /** Once it is in the page: what a name takes depends on the font, and one that has no room ends in an ellipsis. */
  fitNames() {
    for (const name of this.svg.querySelectorAll("[data-room]")) shorten(name, Number(name.dataset.room));
  }

  /** One vertex at a time is reached by the tab key, the others by arrows. */
  focusable(ref) {
    if (this.reached !== undefined) setAttribute(this.vertices.get(this.reached).drawn, "tabindex", -1);
    this.reached = ref;
    setAttribute(this.vertices.get(ref).drawn, "tabindex", 0);
  }

  move(event) {
    const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const { ref } = event.target.dataset;
    if (ref === undefined) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.vertices.get(ref).drawn.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    } else if (direction !== undefined) {
      event.preventDefault();
      const next = nearestIn(this.places.boxes, ref, direction);
      if (next !== undefined) this.vertices.get(next).drawn.focus();
    }
  }

  /** Shows the figures of one moment; `letters` and `rates` as `rates.js` makes them. */
  show(state, { rates, flow, letters }) {
    for (const { id } of this.graph.nodes) {
      const rate = rates.get(id);
      const vertex = this.vertices.get(`node:${id}`);
      setText(vertex.figures, rate === undefined ? "" : `${rateText(rate.in)} in · ${rateText(rate.out)} out`);
      showLetters(vertex, letters.nodes.get(id) ?? 0);
    }
    const inputs = new Map(state.inputs.map((input) => [input.topic, input]));
    for (const { name } of this.graph.topics) {
      const vertex = this.vertices.get(`topic:${name}`);
      const input = inputs.get(name);
      setText(vertex.figures, topicText(input, flow.topics.get(name)));
      vertex.figures.classList.toggle("behind", isBehind(input));
      showLetters(vertex, letters.topics.get(name) ?? 0);
    }
    for (const [i, { drawn, rate }] of this.edges.entries()) {
      const known = flow.edges[i];
      setText(rate, rateText(known));
      drawn.classList.toggle("flowing", known !== undefined && known >= 0.05);
    }
    const subs = new Map(state.subTopologies.map((sub) => [sub.id, sub]));
    for (const [id, { drawn, lag }] of this.groups) {
      const sub = subs.get(id);
      setText(lag, groupText(sub));
      drawn.classList.toggle("stopped", sub !== undefined && sub.stopped.length > 0);
    }
  }
}

function arrowHeads() {
  const head = (kind) =>
    shape("marker", { id: `arrow-${kind}`, class: kind, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, [
      shape("path", { d: "M0 0.5 L8 4 L0 7.5 z" }),
    ]);
  return shape("defs", {}, [head("plain"), head("hop")]);
}

function drawNode({ id, does, query }, { x, y, width, height }) {
  const figures = shape("text", { class: "figures", x: x + 10, y: y + 33 });
  return vertex({ name: id, what: "node" }, { kind: "node", title: `${id}${does.map((step) => `\n${step}`).join("")}`, box: { x, y, width } }, [
    shape("rect", { x, y, width, height, rx: 6 }),
    shape("text", { class: "name", "data-room": width - 14, x: x + 10, y: y + 17 }, [id]),
    ...(query === undefined ? [] : [shape("rect", { class: "asked", x, y: y + 8, width: 3, height: height - 16 })]),
    figures,
  ], figures);
}

function drawTopic({ name, kind, partitions }, { x, y, width, height }) {
  const isHop = kind === "repartition";
  const figures = shape("text", { class: "figures", x: x + width / 2, y: y + 33 });
  const title = `${isHop ? "change of key through the log" : "topic"}: ${name}, ${partitions} partitions`;
  return vertex(isHop ? { name: "change of key", what: `topic ${name}` } : { name, what: "topic" }, { kind: isHop ? "topic repartition" : "topic", title, box: { x, y, width } }, [
    shape("rect", { x, y, width, height, rx: height / 2 }),
    shape("text", { class: "name", "data-room": width - 18, x: x + width / 2, y: y + 17 }, [isHop ? "change of key" : name]),
    figures,
  ], figures);
}

function vertex(called, { kind, title, box }, children, figures) {
  const count = shape("text", { x: box.x + box.width - 17, y: box.y + 4 });
  const badge = shape("g", { class: "letters", visibility: "hidden" }, [
    shape("rect", { x: box.x + box.width - 34, y: box.y - 9, width: 34, height: 17, rx: 8.5 }),
    count,
  ]);
  const drawn = shape("g", { class: `vertex ${kind}`, role: "button", tabindex: -1, "aria-haspopup": "dialog", "aria-label": called.name }, [
    shape("title", {}, [title]),
    // Apart, for those who read the texts one behind the other.
    ...children.flatMap((child) => [child, " "]),
    badge,
  ]);
  return { drawn, figures, badge, count, called };
}

function showLetters({ drawn, figures, badge, count, called }, letters) {
  setAttribute(badge, "visibility", letters === 0 ? "hidden" : "visible");
  setText(count, letters === 0 ? "" : shortCount(letters));
  // Its name begins with what is to be seen on it; while it has the focus it stays, or it would be read out every second.
  if (document.activeElement === drawn) return;
  const aside = letters === 0 ? "" : `${shortCount(letters)} dead ${letters === 1 ? "letter" : "letters"}`;
  setAttribute(drawn, "aria-label", [called.name, figures.textContent, aside, called.what].filter(Boolean).join(", "));
}

/** The nearest box in a direction: what lies beside counts twice as far. */
export function nearestIn(boxes, ref, [dx, dy]) {
  const middle = ({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 });
  const from = middle(boxes.get(ref));
  let best;
  for (const [other, box] of boxes) {
    const to = middle(box);
    const ahead = (to.x - from.x) * dx + (to.y - from.y) * dy;
    const beside = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
    const distance = ahead + 2 * beside;
    if (ahead > 1 && (best === undefined || distance < best.distance)) best = { other, distance };
  }
  return best?.other;
}
