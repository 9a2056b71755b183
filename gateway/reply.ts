import { isEventType } from "#schemas/event-registry.ts";
import type { EventFault, EventWarning, RetryCode } from "./event-codes.ts";
import type { Problem } from "./problem.ts";

export type Counts = { readonly accepted: number; readonly duplicate: number; readonly rejected: number; readonly retry: number };

/** What the request as a whole is answered with. */
export type Answer =
  | { readonly kind: "results"; readonly status: 200 | 207; readonly retryAfterMs: number | undefined }
  | { readonly kind: "problem"; readonly problem: Problem; readonly retryAfterMs: number | undefined };

// Ids of accepted events have passed the schema; those of others are told back only if they could not be anything else.
const echoableId = /^[A-Za-z0-9._:-]{1,64}$/;

/** The `eventId` of something that was refused, if it is one. */
export function readableId(value: unknown): string | null {
  const id = typeof value === "object" && value !== null ? (value as { eventId?: unknown }).eventId : undefined;
  return typeof id === "string" && echoableId.test(id) ? id : null;
}

/** The type of something that was refused, if it names one: nothing else of what was sent is told. */
export function readableType(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  const { eventType, type } = value as { eventType?: unknown; type?: unknown };
  const named = eventType ?? type;
  return typeof named === "string" && isEventType(named) ? named : null;
}

/**
 * The answer to one request as it comes together: one row an event, in the order of the request, written as JSON text at once. `complete` is
 * called when the last row is there; rows that come after `giveUp` are too late and change nothing.
 */
export class Reply {
  readonly #rows: (string | undefined)[] = [];
  readonly #events: number;
  readonly #minimal: boolean;
  readonly #complete: (reply: Reply) => void;
  /** How often each code of a rejected or delayed event occurred; absent while there is none. */
  codes: Map<string, number> | undefined;
  accepted = 0;
  duplicate = 0;
  rejected = 0;
  retry = 0;
  retryAfterMs = 0;
  #open: number;
  /** Of some nobody knows whether they are stored. */
  #unknown = false;

  constructor(events: number, minimal: boolean, complete: (reply: Reply) => void) {
    this.#events = events;
    this.#open = events;
    this.#minimal = minimal;
    this.#complete = complete;
  }

  accept(
    i: number,
    stored: { readonly eventId: string; readonly token: string; readonly warnings: readonly EventWarning[] | undefined },
  ): void {
    const { eventId, token, warnings } = stored;
    const told = warnings === undefined ? "" : `,"warnings":${JSON.stringify(warnings)}`;
    if (
      this.#set(i, this.#minimal && told === "" ? "" : `{"i":${i},"eventId":"${eventId}","status":"accepted","token":"${token}"${told}}`)
    ) {
      this.accepted += 1;
      this.#close();
    }
  }

  duplicateOf(i: number, first: { readonly eventId: string; readonly token: string; readonly receivedAt: string }): void {
    const { eventId, token, receivedAt } = first;
    if (this.#set(i, `{"i":${i},"eventId":"${eventId}","status":"duplicate","token":"${token}","firstReceivedAt":"${receivedAt}"}`)) {
      this.duplicate += 1;
      this.#close();
    }
  }

  reject(i: number, eventId: string | null, faults: readonly EventFault[]): void {
    const first = faults[0]!;
    if (this.#set(i, JSON.stringify({ i, eventId, status: "rejected", ...first, errors: faults }))) {
      this.rejected += 1;
      this.#count(first.code);
      this.#close();
    }
  }

  delay(i: number, eventId: string, why: { readonly code: RetryCode; readonly retryAfterMs: number }): void {
    if (this.#set(i, JSON.stringify({ i, eventId, status: "retry", ...why }))) {
      this.retry += 1;
      this.#unknown ||= why.code === "ack_timeout";
      this.retryAfterMs = Math.max(this.retryAfterMs, why.retryAfterMs);
      this.#count(why.code);
      this.#close();
    }
  }

  /** The log did not answer in time: what has no row yet is unknown, and safe to send again with the same id. */
  giveUp(idOf: (i: number) => string, retryAfterMs: number): void {
    if (this.#open === 0) return;
    for (let i = 0; i < this.#events; i++) {
      if (this.#rows[i] === undefined) this.delay(i, idOf(i), { code: "ack_timeout", retryAfterMs });
    }
  }

  get results(): string {
    return `[${(this.#minimal ? this.#rows.filter((row) => row !== "") : this.#rows).join(",")}]`;
  }

  get ingestResult(): string {
    return `accepted=${this.accepted}, duplicate=${this.duplicate}, rejected=${this.rejected}, retry=${this.retry}`;
  }

  /** 200 when all is well, 207 for mixed outcomes, a problem when the whole request shares one cause. */
  get answer(): Answer {
    const { accepted, duplicate, rejected, retry } = this;
    const retryAfterMs = retry > 0 ? this.retryAfterMs : undefined;
    const problem = (slug: Problem["slug"], detail: string): Answer => ({ kind: "problem", problem: { slug, detail }, retryAfterMs });
    if (this.#unknown) return problem("ack-timeout", `the log did not confirm ${retry} of ${this.#events} events in time`);
    if (rejected === 0 && retry === 0) return { kind: "results", status: 200, retryAfterMs };
    if (accepted + duplicate + retry === 0) return problem("all-events-rejected", `${rejected} of ${rejected} events were rejected`);
    if (accepted + duplicate + rejected === 0) return problem("log-unavailable", `the log took none of ${retry} events`);
    return { kind: "results", status: 207, retryAfterMs };
  }

  #set(i: number, row: string): boolean {
    if (this.#rows[i] !== undefined) return false;
    this.#rows[i] = row;
    return true;
  }

  #count(code: string): void {
    this.codes ??= new Map();
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  #close(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#complete(this);
  }
}
