export const dlqErrorCodes = ["DLQ_USAGE", "DLQ_NO_SERVER", "DLQ_NOT_ALLOWED", "DLQ_REFUSED"] as const;
export type DlqErrorCode = (typeof dlqErrorCodes)[number];

/** Why a command could not do what it was asked; the message says what to do. */
export class DlqError extends Error {
  readonly code: DlqErrorCode;

  constructor(code: DlqErrorCode, message: string) {
    super(message);
    this.name = "DlqError";
    this.code = code;
  }
}
