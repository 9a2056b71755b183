import { element, setText } from "../elements.js";
import { grouped, moment } from "../format.js";
import { bytesText } from "./bytes-text.js";
import { LetterActions } from "./letter-actions.js";
import { letterEvent } from "./letter-event.js";
import { nameOf, rateText, spanText } from "./rates.js";

const lettersShown = 10;

/** What a dialog tells of one node or topic, for as long as it is open. */
export class Panel {
  constructor(graph) {
    this.graph = graph;
    this.head = element("h2", { id: "topology-panel-name" });
    this.what = element("p", { class: "note" });
    this.facts = element("dl");
    this.lettersNote = element("p", { class: "note", role: "status" });
    this.letters = element("ol");
    this.lettersHead = element("h3", { tabindex: "-1" }, ["Last dead letters"]);
    this.actions = new LetterActions(() => void this.settled());
    const close = element("button", { type: "button" }, ["Close"]);
    this.dialog = element("dialog", { id: "topology-panel", "aria-labelledby": "topology-panel-name" }, [
      element("header", {}, [this.head, close]),
      this.what,
      this.facts,
      this.lettersHead,
      this.lettersNote,
      this.actions.said,
      this.actions.all,
      this.letters,
      this.actions.dialog,
    ]);
    close.addEventListener("click", () => this.dialog.close());
    // A click beside it; one inside has another target.
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => (this.ref = undefined));
  }

  /** The focus goes back to where it was when it closes, which a modal dialog does by itself. */
  open(ref, figures) {
    this.ref = ref;
    this.seen = undefined;
    setText(this.head, nameOf(ref));
    this.letters.replaceChildren();
    setText(this.lettersNote, "");
    this.facts.replaceChildren();
    this.actions.begin(ref.startsWith("node:") ? { node: nameOf(ref) } : { topic: nameOf(ref) }, nameOf(ref));
    setText(this.what, this.whatIs(ref));
    this.dialog.showModal();
    if (figures !== undefined) this.show(figures);
    else void this.read(0);
  }

  whatIs(ref) {
    const name = nameOf(ref);
    if (ref.startsWith("topic:")) {
      const { kind, partitions, eventType } = this.graph.topics.find((topic) => topic.name === name);
      const holds = { events: `Events ${eventType}`, records: "Records of the topology's own", repartition: "Records on their way to another key: a hop through the log" }[kind];
      return `Topic. ${holds}; ${partitions} partitions.`;
    }
    const { subTopology, hops } = this.graph.nodes.find(({ id }) => id === name);
    return `Node of the sub-topology ${subTopology}, ${hops === 0 ? "right behind the first log" : `${hops} ${hops === 1 ? "commit" : "commits"} behind the first log`}.`;
  }

  /** Shows the figures of one moment, and reads the dead letters again when there are others. */
  show({ state, rates, flow, letters }) {
    if (this.ref === undefined) return;
    const name = nameOf(this.ref);
    const isNode = this.ref.startsWith("node:");
    const facts = isNode ? this.nodeFacts(name, { state, rate: rates.get(name) }) : this.topicFacts(name, { state, rate: flow.topics.get(name) });
    const count = (isNode ? letters.nodes : letters.topics).get(name) ?? 0;
    showFacts(this.facts, facts);
    if (this.seen !== count) void this.read(count);
  }

  nodeFacts(id, { state, rate }) {
    const { does, settings = {}, keeps, writes, query } = this.graph.nodes.find((node) => node.id === id);
    const counts = state.nodes[id];
    const reasons = (byReason = {}) => Object.entries(byReason).map(([reason, count]) => `${grouped(count)} ${reason}`);
    return [
      ["does", does.length === 0 ? ["hands on what it reads"] : does],
      ["with", Object.entries(settings).map(([name, value]) => `${name}: ${value}`)],
      ["keeps", keeps.map(({ store, kind }) => `${store} (${kind})`)],
      ["writes", writes],
      ["rows", query === undefined ? [] : [{ href: `/v1/queries/${encodeURIComponent(query)}`, text: query }]],
      ["now", rate === undefined ? [] : [`${rateText(rate.in)} in, ${rateText(rate.out)} out`]],
      ...(counts === undefined
        ? []
        : [
            ["in", [grouped(counts.in)]],
            ["emitted", [grouped(counts.emitted)]],
            ["folded into state", [grouped(counts.folded)]],
            ["dropped", reasons(counts.dropped)],
            ["missed", reasons(counts.missed)],
            ["dead letters", [grouped(counts.deadLettered + counts.takenOut)]],
            ["values out", [grouped(counts.out)]],
          ]),
    ].filter(([, texts]) => texts.length > 0);
  }

  topicFacts(name, { state, rate }) {
    const input = state.inputs.find(({ topic }) => topic === name);
    const sub = state.subTopologies.find(({ id }) => id === input?.subTopology);
    return [
      ["now", rate === undefined ? [] : [rateText(rate)]],
      ["lag", input === undefined ? [] : [`${grouped(input.records)} records, ${spanText(input.ms)}`]],
      ["read by", input === undefined ? [] : [input.subTopology]],
      ["leaves by", (this.graph.topics.find((topic) => topic.name === name).sinks ?? []).map((sink) => `${sink.name} (${sink.kind})`)],
      ["newest event time", sub?.streamTime ? [`${moment(sub.streamTime)} UTC`] : []],
      ["watermark", sub === undefined ? [] : [`${spanText(sub.watermarkLagMs)} behind`]],
      ["found out before any node", input === undefined ? [] : [`${grouped(input.deadLettered)} dead letters`]],
    ].filter(([, texts]) => texts.length > 0);
  }

  /** Reads the last dead letters; an answer that comes when another vertex is shown is let go. */
  async read(count) {
    this.seen = count;
    const { ref } = this;
    const isNode = ref.startsWith("node:");
    const readable = isNode || this.graph.topics.find(({ name }) => name === nameOf(ref)).deadLetters !== undefined;
    if (!readable) return setText(this.lettersNote, "Nobody here reads this topic, so it has none.");
    try {
      const path = `/v1/dead-letters?${isNode ? "node" : "topic"}=${encodeURIComponent(nameOf(ref))}&limit=${lettersShown}`;
      const response = await fetch(path, { cache: "no-store", headers: { Accept: "application/json" } });
      const body = await response.json();
      if (this.ref !== ref) return;
      if (!response.ok) {
        const keyed = response.status === 401 || response.status === 403;
        setText(this.lettersNote, keyed ? `They are shown to those who have a key: GET ${path} with Authorization: Bearer.` : (body.detail ?? `status ${response.status}`));
        return;
      }
      this.showLetters(body);
    } catch {
      // What was not read is asked for with the next figures.
      if (this.ref === ref) {
        this.seen = undefined;
        setText(this.lettersNote, "The server does not answer; trying again.");
      }
    }
  }

  /** Letters were redriven or dropped: the button that was pressed is gone with the next answer. */
  async settled() {
    this.lettersHead.focus();
    await this.read(this.seen);
  }

  showLetters({ letters, complete }) {
    setText(
      this.lettersNote,
      letters.length === 0 ? (complete ? "None." : "None among the newest; older ones were not looked for.") : complete ? "" : "There may be older ones.",
    );
    this.actions.offerAll(letters);
    this.letters.replaceChildren(...letters.map((letter) => letterItem(letter, this.actions)));
  }
}

function letterItem(letter, actions) {
  const { at, reason, node, place, detail, key, value } = letter;
  const bytes = value === null ? "no value" : bytesText(value);
  const more = value?.cut ? `, of which the first ${grouped(4096)} are shown` : "";
  return element("li", {}, [
    element("p", {}, [element("strong", {}, [reason]), ` at ${node}, ${moment(at)} UTC`]),
    element("p", { class: "place" }, [place, key === null ? ", no key" : `, key ${key}`]),
    ...(detail === null ? [] : [element("p", {}, [detail])]),
    // It may be scrolled, so the keyboard must reach it.
    element("pre", { tabindex: "0", role: "group", "aria-label": `bytes of ${place}` }, [bytes]),
    ...(value === null ? [] : [element("p", { class: "note" }, [`${grouped(value.length)} bytes${more}${value.text === null ? "; not text: what is no letter is a dot" : ""}`])]),
    ...(value === null ? [] : [letterEvent(letter)]),
    actions.of(letter),
  ]);
}

/** Terms with their texts; elements stay where their number stays, so nothing flickers. */
function showFacts(list, facts) {
  const wanted = JSON.stringify(facts.map(([term, texts]) => [term, texts.length]));
  if (list.dataset.shape !== wanted) {
    list.dataset.shape = wanted;
    list.replaceChildren(
      ...facts.flatMap(([term, texts]) => [
        element("dt", {}, [term]),
        ...texts.map((text) => element("dd", {}, text.href === undefined ? [] : [element("a", { href: text.href }, [text.text])])),
      ]),
    );
  }
  const shown = [...list.querySelectorAll("dd")];
  for (const [i, text] of facts.flatMap(([, texts]) => texts).entries()) if (text.href === undefined) setText(shown[i], text);
}
