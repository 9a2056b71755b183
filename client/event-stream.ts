/** One server-sent event; `data` is its JSON. */
export type StreamEvent = {
  /** `snapshot`, `upsert`, `delete`, `expire`, `progress`, `reset` or `drain`; see semantics.md, Streams. */
  readonly event: string;
  /** Where the stream can be gone on with; empty where it cannot. */
  readonly id: string;
  readonly data: unknown;
};

/** Reads server-sent events (WHATWG HTML, 9.2) out of their text as it comes; an event that is cut off is none. */
export class EventStreamReader {
  #rest = "";
  #event = "";
  #id: string;
  #data: string[] = [];
  #begun = false;
  /** What the server asked for, ms before coming back. */
  retryMs: number | undefined;

  /** `id`: where the stream is gone on with, which its events have until they say another. */
  constructor(id = "") {
    this.#id = id;
  }

  *read(text: string): Generator<StreamEvent> {
    const all = this.#rest + (this.#begun ? text : text.replace(/^\ufeff/, ""));
    this.#begun = true;
    // A CR at the end may be half of a CRLF.
    const held = all.endsWith("\r") ? "\r" : "";
    const lines = all.slice(0, all.length - held.length).split(/\r\n|\n|\r/);
    this.#rest = lines.pop()! + held;
    for (const line of lines) {
      if (line !== "") this.#take(line);
      else if (this.#data.length > 0) yield this.#whole();
      else this.#event = "";
    }
  }

  #take(line: string): void {
    const at = line.indexOf(":");
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
  }

  #whole(): StreamEvent {
    const event = { event: this.#event === "" ? "message" : this.#event, id: this.#id, data: JSON.parse(this.#data.join("\n")) as unknown };
    this.#data = [];
    this.#event = "";
    return event;
  }
}
