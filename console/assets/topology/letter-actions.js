import { element, setText } from "../elements.js";
import { grouped, moment } from "../format.js";

const words = {
  redrive: { verb: "Redrive", done: "redriven", would: "would be redriven" },
  drop: { verb: "Drop", done: "dropped", would: "would be dropped" },
};
const letters = (count) => `${grouped(count)} ${count === 1 ? "letter" : "letters"}`;
const nameOf = ({ letter: { topic, partition, offset } }) => `${topic}/${partition}/${offset}`;

/** Redrive and drop, each behind a question that says what will happen. `changed` hears when letters were settled. */
export class LetterActions {
  constructor(changed) {
    this.changed = changed;
    this.said = element("p", { class: "note said", role: "status" });
    this.all = element("p", { class: "actions" });
    this.head = element("h2", { id: "letters-question-name" });
    this.what = element("div", { id: "letters-question-what", role: "status" });
    this.why = element("input", { id: "letters-question-why", maxlength: "500", autocomplete: "off" });
    this.whyLabel = element("label", { for: "letters-question-why" });
    this.fault = element("p", { class: "fault", role: "alert" });
    this.confirm = element("button", { type: "button", class: "confirm" });
    const cancel = element("button", { type: "button" }, ["Cancel"]);
    this.dialog = element(
      "dialog",
      { id: "letters-question", "aria-labelledby": "letters-question-name", "aria-describedby": "letters-question-what" },
      [this.head, this.what, element("p", {}, [this.whyLabel, this.why]), this.fault, element("p", { class: "actions" }, [this.confirm, cancel])],
    );
    cancel.addEventListener("click", () => this.dialog.close());
    this.confirm.addEventListener("click", () => void this.settle());
    this.why.addEventListener("keydown", (event) => event.key === "Enter" && void this.settle());
    // A dialog in a dialog: what closes this one is no business of the other.
    this.dialog.addEventListener("click", (event) => event.stopPropagation());
    this.dialog.addEventListener("close", (event) => {
      event.stopPropagation();
      this.asked = undefined;
    });
  }

  /** Another node or topic is shown, whose letters these are. */
  begin(which, name) {
    setText(this.said, "");
    this.which = which;
    this.whose = name;
    this.all.replaceChildren();
  }

  /** What can be done with all of them, as long as one is open. */
  offerAll(shown) {
    const any = shown.some(({ settled }) => settled === null);
    if (any === this.all.children.length > 0) return;
    const of = `all open letters of ${this.whose}`;
    this.all.replaceChildren(...(any ? this.buttons(this.which, of, ["Redrive all…", "Drop all…"]) : []));
  }

  /** What was done with a letter, or can be. */
  of(letter) {
    const { settled } = letter;
    if (settled !== null) {
      const why = settled.why === null ? "" : `: ${settled.why}`;
      return element("p", { class: "note" }, [`${settled.kind} ${moment(settled.at)} UTC by ${settled.by}${why}`]);
    }
    const name = nameOf(letter);
    return element("p", { class: "actions" }, this.buttons({ letters: [name] }, `the letter of ${letter.place}`, ["Redrive…", "Drop…"]));
  }

  buttons(which, of, texts) {
    return ["redrive", "drop"].map((action, i) => {
      const button = element("button", { type: "button", "aria-label": `${words[action].verb} ${of}`, "aria-haspopup": "dialog" }, [texts[i]]);
      button.addEventListener("click", () => void this.ask(action, which, of));
      return button;
    });
  }

  /** Asks the server what would be done, and then whoever looks. */
  async ask(action, which, of) {
    const asked = (this.asked = { action, which });
    const { verb } = words[action];
    setText(this.head, `${verb} ${of}?`);
    setText(this.confirm, verb);
    setText(this.fault, "");
    setText(this.whyLabel, action === "drop" ? "Why (is recorded) " : "Why (may be left out, is recorded) ");
    this.why.value = "";
    this.confirm.disabled = true;
    this.what.replaceChildren(element("p", {}, ["Asking the server what would happen…"]));
    this.dialog.showModal();
    this.why.focus();
    const answer = await this.post(action, { ...which, dryRun: true, limit: 10_000, why: "a question" });
    if (this.asked !== asked) return;
    if (answer.fault !== undefined) {
      this.what.replaceChildren(element("p", {}, [answer.fault]));
      return;
    }
    this.what.replaceChildren(...this.consequences(action, answer).map((text) => element("p", {}, [text])));
    // What comes from now on was not asked about, be it what fails again.
    if (which.letters === undefined) asked.which = { ...which, to: answer.until };
    this.confirm.disabled = answer.settled === 0;
  }

  consequences(action, { settled, complete, refused }) {
    const count = complete ? letters(settled) : `More than ${letters(settled)}`;
    const stay = refused.map(({ count: some, detail }) => `${letters(some)} would stay: ${detail}.`);
    if (settled === 0) return [`Nothing ${words[action].would}.`, ...stay];
    const happens =
      action === "redrive"
        ? `${count} would go back to the topic they came from, each once, in the order of each key, behind what was processed meanwhile. Who refused them takes them as if they came now; who had them already does not see them again. Windows that have closed count them late. What still fails comes back as a new letter. This cannot be undone.`
        : `${count} would be marked as done with: still readable as long as the topic keeps what it has, but not to be redriven any more. When and why is recorded.`;
    return [happens, ...stay];
  }

  async settle() {
    const { asked } = this;
    if (asked === undefined || this.confirm.disabled) return;
    const { action, which } = asked;
    const why = this.why.value.trim();
    if (action === "drop" && why === "") {
      setText(this.fault, "Say why: the reason is recorded.");
      this.why.focus();
      return;
    }
    this.confirm.disabled = true;
    let done = 0;
    let answer;
    do {
      answer = await this.post(action, { ...which, ...(why === "" ? {} : { why }) });
      done += answer.settled ?? 0;
    } while (answer.complete === false && this.asked === asked);
    const fault = answer.fault ?? answer.refused.map(({ count, detail }) => `${letters(count)} not: ${detail}`).join("; ");
    if (answer.fault !== undefined && this.asked === asked) {
      setText(this.fault, `${done > 0 ? `${letters(done)} ${words[action].done}, then: ` : ""}${answer.fault}`);
      this.confirm.disabled = false;
      return;
    }
    if (this.dialog.open) this.dialog.close();
    setText(this.said, `${letters(done)} ${words[action].done}${fault === "" ? "" : `; ${fault}`}.`);
    this.changed();
  }

  /** The server's report, or `{ fault }` in words. */
  async post(action, body) {
    try {
      const response = await fetch(`/v1/dead-letters/${action}`, {
        method: "POST",
        cache: "no-store",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: JSON.stringify({ by: "live page", ...body }),
      });
      const answer = await response.json();
      if (response.ok) return answer;
      if (response.status === 401)
        return { fault: `This is for those who have a key: millrace dlq ${action} --key …, or MILLRACE_KEY.` };
      return { fault: answer.detail ?? `The server answered ${response.status}.` };
    } catch {
      return { fault: "The server does not answer. What is done stands; ask again." };
    }
  }
}
