/**
 * Why one event was not accepted, or what was done to it; `docs/errors.md` says what the sender should do about each.
 * `rejected`: never resend unchanged. `retry`: not stored (or unknown), safe to resend with the same ids.
 */
export const rejectionCodes = [
  "malformed_json",
  "invalid_utf8",
  "not_an_object",
  "too_deep",
  "event_too_large",
  "string_too_long",
  "too_many_keys",
  "forbidden_key",
  "duplicate_key",
  "ill_formed_string",
  "number_out_of_range",
  "schema_violation",
  "unknown_schema",
  "invalid_time",
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

export const retryCodes = ["log_unavailable", "blocked_by_predecessor", "ack_timeout"] as const;
export type RetryCode = (typeof retryCodes)[number];

export const warningCodes = ["clock_skew", "default_filled", "deprecated_field", "unknown_field"] as const;
export type WarningCode = (typeof warningCodes)[number];

/** One thing wrong with an event, or told beside it: `pointer` (RFC 6901) is from the event, "" being all of it. */
export type EventNote<C extends string> = {
  readonly code: C;
  readonly detail: string;
  readonly pointer: string;
  readonly expected?: string;
  readonly didYouMean?: string;
};
export type EventFault = EventNote<RejectionCode>;
export type EventWarning = EventNote<WarningCode>;
