export const workerErrorCodes = ["WORKER_FENCED", "WORKER_PLAN", "WORKER_STOPPED"] as const;
export type WorkerErrorCode = (typeof workerErrorCodes)[number];

/** What ended a worker, or what it can no longer do. */
export class WorkerError extends Error {
  readonly code: WorkerErrorCode;

  constructor(code: WorkerErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "WorkerError";
    this.code = code;
  }
}
