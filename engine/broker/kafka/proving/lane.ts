import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Past this, a lane stops reading until half of it has gone. */
const maxWaitingBytes = 256 << 10;

export type LaneRules = {
  /** Ms that bytes are kept after they came. */
  readonly delayMs: () => number;
  /** Settles when bytes may pass. */
  readonly open: () => Promise<void> | undefined;
  /** Takes over the next bytes, in order; the next call waits for this one. */
  readonly pass: (chunk: Buffer) => Promise<void> | undefined;
  /** The sender will send no more, and all it sent was passed. */
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
};

type Waiting = { readonly chunk: Buffer | undefined; readonly dueAt: number };

/** One direction of a connection: takes what a socket sends through the rules, in order, and never holds more than `maxWaitingBytes` and a chunk. */
export class Lane {
  readonly #from;
  readonly #rules;
  readonly #waiting: Waiting[] = [];
  readonly #left = new AbortController();
  #bytes = 0;
  #running = false;

  constructor(from: Socket, rules: LaneRules) {
    this.#from = from;
    this.#rules = rules;
    from.on("data", (chunk: Buffer) => this.#push(chunk));
    from.once("end", () => this.#push(undefined));
  }

  /** Drops what waits; nothing more passes. */
  abandon(): void {
    this.#waiting.length = 0;
    this.#left.abort();
    this.#from.removeAllListeners("data").resume();
  }

  #push(chunk: Buffer | undefined): void {
    if (this.#left.signal.aborted) return;
    this.#waiting.push({ chunk, dueAt: performance.now() + this.#rules.delayMs() });
    this.#bytes += chunk?.length ?? 0;
    if (this.#bytes > maxWaitingBytes) this.#from.pause();
    if (!this.#running) void this.#run().catch((error: unknown) => this.#rules.failed(error));
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { open, pass, ended } = this.#rules;
    const { signal } = this.#left;
    for (let next = this.#waiting.shift(); next !== undefined && !signal.aborted; next = this.#waiting.shift()) {
      const early = next.dueAt - performance.now();
      if (early > 0) await sleep(early, undefined, { signal }).catch(() => undefined);
      for (let shut = open(); shut !== undefined && !signal.aborted; shut = open()) await shut;
      if (signal.aborted) return;
      if (next.chunk === undefined) ended();
      else {
        const passing = pass(next.chunk);
        if (passing !== undefined) await passing;
        this.#bytes -= next.chunk.length;
        if (this.#from.isPaused() && this.#bytes < maxWaitingBytes / 2) this.#from.resume();
      }
    }
    this.#running = false;
  }
}
