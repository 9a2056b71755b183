export const letterErrorCodes = ["LETTERS_FENCED", "LETTERS_LOG_AWAY"] as const;
export type LetterErrorCode = (typeof letterErrorCodes)[number];

/** Letters could not be settled; what had been committed by then stands, and the same request again goes on behind it. */
export class LetterError extends Error {
  readonly code: LetterErrorCode;

  constructor(code: LetterErrorCode, message: string) {
    super(message);
    this.name = "LetterError";
    this.code = code;
  }
}
