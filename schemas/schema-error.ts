export const schemaErrorCodes = [
  "SCHEMA_BAD_FRAMING",
  "SCHEMA_UNKNOWN_ID",
  "SCHEMA_WRONG_EVENT_TYPE",
  "SCHEMA_TRUNCATED",
  "SCHEMA_TRAILING_BYTES",
  "SCHEMA_CORRUPT",
  "SCHEMA_UNSAFE_INTEGER",
  "SCHEMA_NOT_ENCODABLE",
  "SCHEMA_INVALID",
  "SCHEMA_INCOMPATIBLE",
] as const;
export type SchemaErrorCode = (typeof schemaErrorCodes)[number];

/** What failed in the schemas, and where: a field path (`data.items[].quantity`), a byte (`byte 17`) or a file. Never retryable. */
export class SchemaError extends Error {
  readonly code: SchemaErrorCode;
  readonly retryable = false;
  readonly at: string | undefined;

  constructor(code: SchemaErrorCode, message: string, more: { at?: string; cause?: unknown } = {}) {
    super(more.at === undefined ? message : `${message} at ${more.at}`, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "SchemaError";
    this.code = code;
    this.at = more.at;
  }
}
