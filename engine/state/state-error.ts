export const stateErrorCodes = [
  "STATE_BAD_KEY",
  "STATE_CLOSED",
  "STATE_COMMIT_ORDER",
  "STATE_CORRUPT",
  "STATE_STORE_MISMATCH",
  "STATE_UNKNOWN_STORE",
] as const;
export type StateErrorCode = (typeof stateErrorCodes)[number];

/** What failed in the state of a task, and where (`orders/3 totals`). None can succeed later by itself: the task stops. */
export class StateError extends Error {
  readonly code: StateErrorCode;
  readonly retryable = false;
  readonly at: string | undefined;

  constructor(code: StateErrorCode, message: string, more: { at?: string; cause?: unknown } = {}) {
    super(more.at === undefined ? message : `${message} at ${more.at}`, { cause: more.cause });
    this.name = "StateError";
    this.code = code;
    this.at = more.at;
  }
}
