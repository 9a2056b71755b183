export const redisErrorCodes = ["REDIS_URL_MALFORMED", "REDIS_CLEAR_TEXT"] as const;
export type RedisErrorCode = (typeof redisErrorCodes)[number];

/** Why a Redis cannot be reached as it was written; the message says what would be right, and never what is secret. */
export class RedisError extends Error {
  readonly code: RedisErrorCode;

  constructor(code: RedisErrorCode, message: string) {
    super(message);
    this.name = "RedisError";
    this.code = code;
  }
}
