import { closeSync, openSync, writeSync } from "node:fs";
import type { EventResult } from "./answer.ts";
import type { PreparedEvent } from "./batch.ts";
import type { RefusedRow } from "./history.ts";
import { ReplayError } from "./replay-error.ts";

/**
 * The report of what was refused, one JSON object a line, in the order in which it happened: rows by the reader
 * (`{kind: "row", file, line, reason, text}`), events by the server (`{kind: "event", file, line, eventId, eventType, code, pointer, detail, event}`).
 */
export class RejectsFile {
  readonly #file: number | null;

  /** Begins a new file; null keeps nothing. @throws {ReplayError} `REPLAY_FILE_UNREADABLE` */
  constructor(path: string | null) {
    try {
      this.#file = path === null ? null : openSync(path, "w");
    } catch (cause) {
      throw new ReplayError("REPLAY_FILE_UNREADABLE", `cannot write the rejects to ${path}: ${(cause as Error).message}`, cause);
    }
  }

  row({ file, line, reason, text }: RefusedRow): void {
    this.#write({ kind: "row", file, line, reason, text });
  }

  event({ origin, eventId, eventType, text }: PreparedEvent, { code, pointer, detail }: EventResult): void {
    this.#write({ kind: "event", ...origin, eventId, eventType, code, pointer, detail, event: JSON.parse(text) as unknown });
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
  }

  #write(line: object): void {
    if (this.#file !== null) writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
