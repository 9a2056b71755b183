export const clusterErrorCodes = [
  "KAFKA_USAGE",
  "KAFKA_NO_JAVA",
  "KAFKA_NO_JARS",
  "KAFKA_FETCH_FAILED",
  "KAFKA_PORT_TAKEN",
  "KAFKA_RUNNING",
  "KAFKA_NOT_RUNNING",
  "KAFKA_DATA_MISMATCH",
  "KAFKA_START_FAILED",
  "KAFKA_TIMEOUT",
] as const;
export type ClusterErrorCode = (typeof clusterErrorCodes)[number];

/** Why a Kafka of our own cannot be started, or not be spoken to; the message says what to do about it. */
export class ClusterError extends Error {
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ClusterError";
    this.code = code;
  }
}
