/**
 * A verdict on a record: it can never be processed, whoever tries. The task takes it out by replay and dead-letters it under `reason`
 * (kebab-case, e.g. `total-mismatch`). Any other error thrown by a processor is a bug and stops its task.
 */
export class RecordError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "RecordError";
    this.reason = reason;
  }
}
