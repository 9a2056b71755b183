import type { IncomingMessage } from "node:http";
import type { Limits } from "../limits.ts";
import { WaitingList } from "../waiting-list.ts";

export type BodyEnd =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "too-slow" }
  | { readonly kind: "gone" };

type Reading = { readonly startedAtMs: number; lastByteAtMs: number; silent: boolean; overdue: boolean; readonly giveUp: () => void };

const sweepMs = 250;
const empty = Buffer.alloc(0);

/**
 * Reads bodies as they come off the wire, each bounded in bytes, in silence and in time. One sweep looks after all of them, since a timer a
 * request costs more than most requests; so a deadline is kept to the quarter of a second.
 */
export class BodyReader {
  readonly #limits: Limits;
  readonly #readings = new WaitingList<Reading>();
  readonly #sweep: NodeJS.Timeout;
  #reserved = 0;
  #onEmpty: (() => void)[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#sweep = setInterval(() => this.#giveUpStale(performance.now()), Math.min(sweepMs, limits.bodyIdleMs / 2)).unref();
  }

  /** Bytes set aside for bodies that are still being read. */
  get reservedBytes(): number {
    return this.#reserved;
  }

  /** Settles when no body is being read. */
  empty(): Promise<void> {
    return this.#readings.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  stop(): void {
    clearInterval(this.#sweep);
  }

  /** `declared` is the Content-Length if there is one. `done` is called once; after `gone` nobody is there to answer. */
  read(request: IncomingMessage, declared: number | undefined, done: (end: BodyEnd) => void): void {
    const { wireBytes } = this.#limits;
    const reserve = declared ?? Math.min(wireBytes, 65_536);
    const chunks: Buffer[] = [];
    let length = 0;
    let open = true;
    const end = (result: BodyEnd): void => {
      if (!open) return;
      open = false;
      this.#reserved -= reserve;
      this.#readings.remove(place);
      if (result.kind !== "whole") request.removeListener("data", onData);
      done(result);
      if (this.#readings.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > wireBytes) return end({ kind: "too-large", bytes: length });
      chunks.push(chunk);
      reading.silent = false;
      if (chunks.length > 1) reading.lastByteAtMs = performance.now();
      return undefined;
    };
    const now = performance.now();
    const reading: Reading = {
      startedAtMs: now,
      lastByteAtMs: now,
      silent: false,
      overdue: false,
      giveUp: () => end({ kind: "too-slow" }),
    };
    this.#reserved += reserve;
    const place = this.#readings.add(reading);
    request.on("data", onData);
    request.on("end", () =>
      end({ kind: "whole", bytes: chunks.length === 1 ? chunks[0]! : chunks.length === 0 ? empty : Buffer.concat(chunks, length) }),
    );
    // An aborted request closes, and is an error only to those who listen for one; a whole one closes too, behind its end.
    request.on("close", () => end({ kind: "gone" }));
  }

  #giveUpStale(now: number): void {
    const { bodyIdleMs, bodyTotalMs } = this.#limits;
    for (const reading of this.#readings) {
      const silent = now - reading.lastByteAtMs > bodyIdleMs;
      const overdue = now - reading.startedAtMs > bodyTotalMs;
      // When it is this process that was slow, bytes may lie in the socket: they are read between one sweep and the next.
      if ((silent && reading.silent) || (overdue && reading.overdue)) reading.giveUp();
      reading.silent = silent;
      reading.overdue = overdue;
    }
  }
}
