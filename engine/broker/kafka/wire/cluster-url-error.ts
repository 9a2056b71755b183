export const clusterUrlErrorCodes = [
  "KAFKA_URL_MALFORMED",
  "KAFKA_URL_OPTION",
  "KAFKA_URL_SECRET",
  "KAFKA_CLEAR_TEXT",
  "KAFKA_LOGIN_MISSING",
  "KAFKA_FILE_UNREADABLE",
  "KAFKA_REGION_UNKNOWN",
  "KAFKA_SIGNER_MISSING",
] as const;
export type ClusterUrlErrorCode = (typeof clusterUrlErrorCodes)[number];

/** Why a cluster cannot be reached as it was written; the message says what would be right, and never what is secret. */
export class ClusterUrlError extends Error {
  readonly code: ClusterUrlErrorCode;

  constructor(code: ClusterUrlErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ClusterUrlError";
    this.code = code;
  }
}
