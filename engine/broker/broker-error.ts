export const brokerErrorCodes = [
  "BROKER_CLOSED",
  "BROKER_LOCKED",
  "BROKER_CORRUPT",
  "BROKER_DISK_FULL",
  "BROKER_IO",
  "BROKER_OFFSET_OUT_OF_RANGE",
  "BROKER_REFUSED",
  "BROKER_TOPIC_MISMATCH",
  "BROKER_UNKNOWN_TOPIC",
  "BROKER_UNREACHABLE",
] as const;
export type BrokerErrorCode = (typeof brokerErrorCodes)[number];

/** What failed in the log, whether the same call can succeed later, and where it happened (`orders[3]@1042`, a file). */
export class BrokerError extends Error {
  readonly code: BrokerErrorCode;
  readonly retryable: boolean;
  readonly at: string | undefined;

  constructor(code: BrokerErrorCode, message: string, more: { retryable?: boolean; at?: string; cause?: unknown } = {}) {
    super(more.at === undefined ? message : `${message} at ${more.at}`, { cause: more.cause });
    this.name = "BrokerError";
    this.code = code;
    this.retryable = more.retryable ?? false;
    this.at = more.at;
  }
}
