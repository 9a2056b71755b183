import { type BatchIndex, headerBytesOf, keyTextOf, noHeaders, noRecords } from "#broker/record-batch.ts";
import type { CurrentRecord } from "#operators/context.ts";

/** The one record of a task. Key and headers are read from its batch when somebody asks for them first: many records end before. */
export class TaskRecord implements CurrentRecord {
  timestamp = -1;
  sequence = 0;
  windowStart = -1;
  windowEnd = -1;
  private index: BatchIndex = noRecords;
  private at = 0;
  /** Undefined: as the batch has it. */
  private knownKey: string | null | undefined = null;
  private knownHeaders: Uint8Array | undefined = noHeaders;

  get key(): string | null {
    return this.knownKey === undefined ? (this.knownKey = keyTextOf(this.index, this.at)) : this.knownKey;
  }

  set key(key: string | null) {
    this.knownKey = key;
  }

  get headers(): Uint8Array {
    return (this.knownHeaders ??= headerBytesOf(this.index, this.at));
  }

  set headers(headers: Uint8Array) {
    this.knownHeaders = headers;
  }

  /** Becomes record `at` of a batch. */
  point(index: BatchIndex, at: number): void {
    this.index = index;
    this.at = at;
    this.timestamp = index.timestamps[at]!;
    this.sequence = index.sequences[at]!;
    this.windowStart = -1;
    this.windowEnd = -1;
    this.knownKey = undefined;
    this.knownHeaders = undefined;
  }

  /** Becomes none: outside of records. */
  clear(): void {
    this.timestamp = -1;
    this.sequence = 0;
    this.windowStart = -1;
    this.windowEnd = -1;
    this.knownKey = null;
    this.knownHeaders = noHeaders;
  }
}
