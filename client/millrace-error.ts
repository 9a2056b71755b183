/** What of an event, or of a whole request, was wrong; the codes and slugs are those of the server, beside these of the client itself. */
export const clientCodes = ["unreachable", "timeout", "closed", "buffer_full", "gave_up", "not_json", "unexpected_answer"] as const;
export type ClientCode = (typeof clientCodes)[number];

/** Everything beyond its words that an error of the client says. */
export type ErrorFacts = {
  /** A code of the client, of an event (`schema_violation`), or the slug of a problem (`invalid-credentials`). */
  readonly code: string;
  /** Whether the same can succeed later. */
  readonly retryable: boolean;
  readonly status?: number | undefined;
  /** JSON pointer from the event. */
  readonly pointer?: string | undefined;
  readonly didYouMean?: string | undefined;
  readonly eventId?: string | undefined;
  /** Every mistake of the event. */
  readonly errors?: readonly EventFault[] | undefined;
  /** The address that says what to do. */
  readonly docs?: string | undefined;
  readonly requestId?: string | undefined;
};

export type EventFault = {
  readonly code: string;
  readonly pointer: string;
  readonly detail: string;
  readonly expected?: string;
  readonly didYouMean?: string;
};

/** What kept an event from the log, or a question from its answer. */
export class MillraceError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly pointer: string | undefined;
  readonly didYouMean: string | undefined;
  readonly eventId: string | undefined;
  readonly errors: readonly EventFault[];
  readonly docs: string | undefined;
  readonly requestId: string | undefined;

  constructor(message: string, facts: ErrorFacts, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "MillraceError";
    this.code = facts.code;
    this.retryable = facts.retryable;
    this.status = facts.status;
    this.pointer = facts.pointer;
    this.didYouMean = facts.didYouMean;
    this.eventId = facts.eventId;
    this.errors = facts.errors ?? [];
    this.docs = facts.docs;
    this.requestId = facts.requestId;
  }
}
