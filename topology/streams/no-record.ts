import type { CurrentRecord } from "@millrace/engine";

/** Stands for the record where an expression is computed without one: of rows that are read, and of constants. */
export const noRecord: Readonly<CurrentRecord> = {
  key: null,
  timestamp: 0,
  sequence: 0,
  headers: new Uint8Array(0),
  windowStart: -1,
  windowEnd: -1,
};
