import { type EventResult, problemText, readResults, retryAfter } from "./answer.ts";
import { type Batch, bodyOf, type PreparedEvent } from "./batch.ts";
import type { Clock } from "./clock.ts";
import { ReplayError } from "./replay-error.ts";
import type { Preflight } from "./retention.ts";
import type { ServerDoor } from "./server-door.ts";
import type { Tally } from "./tally.ts";

export type PosterOptions = {
  readonly door: ServerDoor;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Tells the user something that happens once. */
  readonly say: (line: string) => void;
  readonly onRejected: (event: PreparedEvent, result: EventResult) => void;
  /** Asked before the first event is posted, until it says that posting may begin. */
  readonly preflight?: () => Promise<Preflight>;
  /** 0 ≤ x < 1; spreads the waits of many. */
  readonly random?: () => number;
};

/** What one request came to: events to send again after a wait, in order; halves to send one after the other; or nothing. */
type Step =
  | { readonly kind: "settled" }
  | { readonly kind: "again"; readonly rest: Batch; readonly why: string; readonly afterMs: number | undefined; readonly progress: boolean }
  | { readonly kind: "halves" };

const longestWaitMs = 5000;

/**
 * Posts batches one at a time until every event of it is settled: accepted, known already, or rejected for good.
 * What the server did not take, or whose answer was lost, is sent again under the same ids, before anything later.  [P14–P17]
 */
export class Poster {
  readonly #options: PosterOptions;
  #failures = 0;
  #troubleSince: number | undefined;
  #told = false;
  #mayBegin = false;

  constructor(options: PosterOptions) {
    this.#options = options;
  }

  /**
   * Ends when the batch is settled, or when the signal aborts.
   *
   * @throws {ReplayError} what the preflight throws; `REPLAY_REFUSED_BY_SERVER` where sending again cannot help (no key, no such path)
   */
  async post(batch: Batch): Promise<void> {
    const { signal, tally } = this.#options;
    for (let pending = batch; pending.length > 0 && !signal.aborted;) {
      const step = await this.#send(pending);
      switch (step.kind) {
        case "settled":
          this.#recovered();
          return;
        case "halves": {
          const half = pending.length >> 1;
          await this.post(pending.slice(0, half));
          pending = pending.slice(half);
          break;
        }
        case "again":
          if (step.progress) this.#recovered();
          pending = step.rest;
          tally.resent += this.#mayBegin ? pending.length : 0;
          await this.#wait(step.why, step.afterMs);
          break;
        default:
          step satisfies never;
      }
    }
  }

  async #send(batch: Batch): Promise<Step> {
    const { door, tally, clock, preflight } = this.#options;
    if (!this.#mayBegin && preflight !== undefined) {
      const found = await preflight();
      if (found.kind === "again") return { ...found, rest: batch, progress: false };
    }
    this.#mayBegin = true;
    tally.requests++;
    const answer = await door.post("/v1/events", bodyOf(batch));
    if (answer.kind === "lost") return { kind: "again", rest: batch, why: answer.why, afterMs: undefined, progress: false };
    const { status, headers, body } = answer;
    const afterMs = retryAfter(headers.get("retry-after"), clock.now());
    if (status === 413) return this.#tooLarge(batch, body);
    // Also a failure may say of each event what became of it.
    const results = readResults(body, batch.length);
    if (results !== undefined) return this.#settle(batch, results, afterMs);
    if (status >= 500 || status === 408 || status === 409 || status === 429) {
      return { kind: "again", rest: batch, why: `it answers ${status} ${problemText(body)}`.trimEnd(), afterMs, progress: false };
    }
    if (status < 300) return { kind: "again", rest: batch, why: `it answers ${status} without results`, afterMs, progress: false };
    throw new ReplayError("REPLAY_REFUSED_BY_SERVER", `${door.to}/v1/events answers ${status}: ${problemText(body)}`);
  }

  #settle(batch: Batch, results: readonly EventResult[], headerMs: number | undefined): Step {
    const rest: PreparedEvent[] = [];
    let afterMs = headerMs;
    let why = "";
    for (const [i, event] of batch.entries()) {
      const result = results[i]!;
      if (result.status === "retry") {
        rest.push(event);
        if (why === "") why = `it asks for events to be sent again (${result.code ?? "no reason given"})`;
        if (result.retryAfterMs !== undefined) afterMs = Math.max(afterMs ?? 0, result.retryAfterMs);
        continue;
      }
      this.#options.tally.settle(event, result);
      if (result.status === "rejected") this.#options.onRejected(event, result);
    }
    return rest.length === 0 ? { kind: "settled" } : { kind: "again", rest, why, afterMs, progress: rest.length < batch.length };
  }

  #tooLarge(batch: Batch, body: string): Step {
    const [event] = batch;
    if (batch.length > 1 || event === undefined) return { kind: "halves" };
    const result: EventResult = { status: "rejected", code: "payload_too_large", detail: problemText(body) };
    this.#options.tally.settle(event, result);
    this.#options.onRejected(event, result);
    return { kind: "settled" };
  }

  /** Tells of a wait at the second failure in a row, once; a single one is over before it is read. */
  async #wait(why: string, afterMs: number | undefined): Promise<void> {
    const { clock, signal, say, door, random = Math.random } = this.#options;
    this.#troubleSince ??= clock.now();
    if (this.#failures++ === 1) {
      this.#told = true;
      say(`waiting for ${door.to}: ${why}. Nothing is lost; it goes on when the server does.`);
    }
    const backoff = Math.min(longestWaitMs, 50 * 2 ** this.#failures) * (0.5 + random() / 2);
    await clock.sleep(afterMs === undefined ? backoff : afterMs * (1 + random() / 10), signal);
  }

  #recovered(): void {
    const { clock, tally, say } = this.#options;
    this.#failures = 0;
    if (this.#troubleSince === undefined) return;
    const ms = clock.now() - this.#troubleSince;
    tally.waitedMs += ms;
    this.#troubleSince = undefined;
    if (this.#told) say(`going on after ${(ms / 1000).toFixed(1)} s`);
    this.#told = false;
  }
}
