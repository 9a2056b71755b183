export const loadErrorCodes = [
  "LOAD_USAGE",
  "LOAD_NO_K6",
  "LOAD_K6_NOT_BUILT",
  "LOAD_K6_FAILED",
  "LOAD_SERVER_FAILED",
  "LOAD_SERVER_AWAY",
] as const;
export type LoadErrorCode = (typeof loadErrorCodes)[number];

/** Why no load could be made; the message says what to do about it. */
export class LoadError extends Error {
  readonly code: LoadErrorCode;

  constructor(code: LoadErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "LoadError";
    this.code = code;
  }
}
