import { meaningOf, rejectionOf, type Result } from "./answer.ts";
import { type BackoffLimits, pauseMs, retryAfterMs } from "./backoff.ts";
import { MillraceError } from "./millrace-error.ts";
import { type BatchLimits, type Held, Outbox } from "./outbox.ts";

export type SenderOptions = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly batch: BatchLimits & { readonly ms: number };
  readonly held: { readonly events: number; readonly bytes: number };
  readonly requests: number;
  readonly timeoutMs: number;
  readonly giveUpAfterMs: number;
  readonly backoff: BackoffLimits;
  /** Hears once of each time that nothing gets through, with how many events wait. */
  readonly onTrouble: (error: MillraceError, waiting: number) => void;
};

/** So many attempts in a row fail in passing before it is called trouble: the first pauses are short. */
const troubleAfter = 3;

/**
 * Sends what it holds: several events a request, a few requests at a time, never two of one key at once. What may have failed in passing is sent again under
 * the same id until it is settled, and what comes behind it in its key waits for that.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #outbox = new Outbox();
  readonly #cancelled = new AbortController();
  #running = 0;
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  /** While the whole server sends us away, nobody asks; ms. */
  #quietUntilMs = 0;
  #failures = 0;
  /** Events are sent without waiting for company while somebody waits for them. */
  #hurried = 0;
  #halved = 0;
  #waiting: (() => void)[] = [];

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get heldEvents(): number {
    return this.#outbox.size;
  }

  get heldBytes(): number {
    return this.#outbox.bytes;
  }

  hasRoomFor(events: number, bytes: number): boolean {
    const { held } = this.#options;
    return this.#outbox.size + events <= held.events && this.#outbox.bytes + bytes <= held.bytes;
  }

  add(event: Held): void {
    this.#outbox.add(event);
    // All that are given in one turn are looked at once.
    if (this.#turn === undefined)
      this.#turn = setImmediate(() => {
        this.#turn = undefined;
        this.#advance();
      });
  }

  /** Settles when `holds`; asked again whenever something was settled. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((settle) => this.#waiting.push(settle));
  }

  /** Settles when all that is held now is settled. */
  async flush(): Promise<void> {
    const open = new Set(this.#outbox.all);
    this.#hurried++;
    this.#advance();
    try {
      await this.until(() => !this.#outbox.all.some((event) => open.has(event)));
    } finally {
      this.#hurried--;
    }
  }

  /** Gives up what is held. */
  cancel(error: MillraceError): void {
    this.#cancelled.abort();
    clearTimeout(this.#timer);
    this.#settle(new Set(this.#outbox.all), (event) => event.fail(error));
  }

  #advance(): void {
    const { batch: limits, requests } = this.#options;
    const allowed = { ...limits, events: Math.max(1, limits.events >> this.#halved) };
    while (this.#running < requests && !this.#cancelled.signal.aborted) {
      const nowMs = performance.now();
      if (nowMs < this.#quietUntilMs) return this.#wakeAt(this.#quietUntilMs);
      const { batch, whole, dueMs } = this.#outbox.next(allowed, nowMs);
      const first = batch[0];
      if (first === undefined) return this.#wakeAt(dueMs);
      const companyMs = first.heldAtMs + limits.ms;
      if (!whole && this.#hurried === 0 && first.attempts === 0 && nowMs < companyMs) return this.#wakeAt(Math.min(dueMs, companyMs));
      void this.#send(batch);
    }
  }

  #wakeAt(atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY || (this.#timer !== undefined && this.#timerDueMs <= atMs)) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#advance();
      },
      Math.min(Math.max(1, atMs - performance.now()), 2_147_483_647),
    );
  }

  async #send(batch: readonly Held[]): Promise<void> {
    for (const event of batch) {
      event.inFlight = true;
      event.attempts++;
    }
    this.#running++;
    try {
      await this.#exchange(batch);
    } catch (error) {
      // Only a bug leads here: whoever waits must hear of it.
      this.#settle(new Set(batch), (event) => event.fail(error as Error));
    } finally {
      for (const event of batch) event.inFlight = false;
      this.#running--;
      this.#advance();
    }
  }

  async #exchange(batch: readonly Held[]): Promise<void> {
    const { url, headers, timeoutMs } = this.#options;
    const address = `${url}/v1/events`;
    let status: number;
    let text: string;
    let asked: number | undefined;
    try {
      const body = `{"sentAt":"${new Date().toISOString()}","events":[${batch.map((event) => event.text).join(",")}]}`;
      const signal = AbortSignal.any([this.#cancelled.signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(address, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body,
        signal,
        redirect: "manual",
      });
      ({ status } = response);
      asked = retryAfterMs(response.headers.get("retry-after"), Date.now());
      text = await response.text();
    } catch (cause) {
      if (this.#cancelled.signal.aborted) return;
      return this.#again(batch, { error: unreachable(address, timeoutMs, cause), askedMs: undefined });
    }
    const meaning = meaningOf(status, text, address);
    switch (meaning.kind) {
      case "results":
        return this.#takeResults(batch, meaning.results, { status, askedMs: asked });
      case "again":
        return this.#again(batch, { error: meaning.error, askedMs: asked });
      case "split":
        if (batch.length === 1) return this.#settle(new Set(batch), (event) => event.fail(meaning.error));
        this.#halved = Math.min(this.#halved + 1, 16);
        return;
      case "refused":
        return this.#settle(new Set(batch), (event) => event.fail(meaning.error));
    }
  }

  #takeResults(
    batch: readonly Held[],
    results: readonly Result[],
    told: { readonly status: number; readonly askedMs: number | undefined },
  ): void {
    this.#failures = 0;
    this.#halved = 0;
    const byPlace = new Map(results.map((result) => [result.i, result]));
    const settled = new Map<Held, Result>();
    const later: Held[] = [];
    for (const [i, event] of batch.entries()) {
      const result = byPlace.get(i);
      if (result === undefined || result.status === "retry") later.push(event);
      else settled.set(event, result);
    }
    this.#settle(new Set(settled.keys()), (event) => {
      const result = settled.get(event)!;
      if (result.status === "rejected") event.fail(rejectionOf(result, event.eventId, told.status));
      else
        event.settle({
          eventId: event.eventId,
          status: result.status as "accepted" | "duplicate",
          token: result.token ?? "",
          warnings: result.warnings ?? [],
        });
    });
    for (const event of later) {
      const askedMs = byPlace.get(batch.indexOf(event))?.retryAfterMs ?? told.askedMs;
      event.notBeforeMs = performance.now() + this.#pauseMs(event.attempts - 1, askedMs);
    }
    this.#giveUp(later, new MillraceError("the log did not take the event", { code: "gave_up", retryable: true, status: told.status }));
  }

  #again(batch: readonly Held[], { error, askedMs }: { readonly error: MillraceError; readonly askedMs: number | undefined }): void {
    this.#quietUntilMs = Math.max(this.#quietUntilMs, performance.now() + this.#pauseMs(this.#failures++, askedMs));
    if (this.#failures === troubleAfter) this.#options.onTrouble(error, this.#outbox.size);
    this.#giveUp(batch, error);
  }

  #pauseMs(attempt: number, askedMs: number | undefined): number {
    return pauseMs(attempt, { limits: this.#options.backoff, askedMs, roll: Math.random() });
  }

  #giveUp(events: readonly Held[], cause: MillraceError): void {
    const { giveUpAfterMs } = this.#options;
    const old = events.filter(({ heldAtMs }) => performance.now() - heldAtMs >= giveUpAfterMs);
    const words = `gave up after ${giveUpAfterMs} ms: ${cause.message}`;
    this.#settle(new Set(old), ({ fail, eventId }) =>
      fail(new MillraceError(words, { code: "gave_up", retryable: true, eventId, status: cause.status }, cause)),
    );
  }

  #settle(events: ReadonlySet<Held>, tell: (event: Held) => void): void {
    this.#outbox.remove(events);
    for (const event of events) tell(event);
    for (const woken of this.#waiting.splice(0)) woken();
  }
}

function unreachable(url: string, timeoutMs: number, cause: unknown): MillraceError {
  if (cause instanceof DOMException && cause.name === "TimeoutError")
    return new MillraceError(`${url} did not answer within ${timeoutMs} ms`, { code: "timeout", retryable: true }, cause);
  return new MillraceError(`${url} was not reached`, { code: "unreachable", retryable: true }, cause);
}
