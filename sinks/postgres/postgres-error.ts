export const postgresErrorCodes = ["POSTGRES_URL_MALFORMED", "POSTGRES_TABLE_MALFORMED", "POSTGRES_TABLE_MISMATCH"] as const;
export type PostgresErrorCode = (typeof postgresErrorCodes)[number];

/** Why a table cannot be written to as it was described; the message says what would be right, and never what is secret. */
export class PostgresError extends Error {
  readonly code: PostgresErrorCode;

  constructor(code: PostgresErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "PostgresError";
    this.code = code;
  }
}
