export const queryErrorCodes = ["QUERY_FAILED", "QUERY_BROKEN_OFF"] as const;
/** `QUERY_FAILED`: a bug answered instead of the engine; `QUERY_BROKEN_OFF`: the engine went away while an answer was being sent. */
export type QueryErrorCode = (typeof queryErrorCodes)[number];

/** What kept a question from its answer. */
export class QueryError extends Error {
  readonly code: QueryErrorCode;

  constructor(code: QueryErrorCode, message: string) {
    super(message);
    this.name = "QueryError";
    this.code = code;
  }
}
