export const replayErrorCodes = [
  "REPLAY_USAGE",
  "REPLAY_FILE_UNREADABLE",
  "REPLAY_FILES_OUT_OF_ORDER",
  "REPLAY_RETENTION",
  "REPLAY_REFUSED_BY_SERVER",
  "REPLAY_QUERY_REFUSED",
] as const;
export type ReplayErrorCode = (typeof replayErrorCodes)[number];

/** Why a replay cannot go on; nothing that waiting or sending again could mend. */
export class ReplayError extends Error {
  readonly code: ReplayErrorCode;

  constructor(code: ReplayErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ReplayError";
    this.code = code;
  }
}
