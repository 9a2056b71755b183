import { expect, test } from "vitest";
import { formatTold, parseTold, type Told } from "./told-line.ts";

const place = { user: 7, request: 12, phase: "steady", sentAt: 1_763_800_000_123, ms: 12.35 };
const lines: readonly Told[] = [
  { kind: "posted", ...place, outcomes: "", status: 200, code: "" },
  { kind: "posted", ...place, outcomes: "aadrtu", status: 207, code: "schema_violation" },
  { kind: "shown", ...place, ack: "broker" },
  { kind: "pulled", phase: "pulls", sentAt: 1_763_800_000_123, ms: 3, status: 504 },
];

test.each(lines)("[LT1] $kind is read as it was written", (told) => expect(parseTold(formatTold(told))).toEqual(told));

test("[LT1] lines of others are let be", () => {
  for (const line of ["", "A", "A 1 2", "time=… level=warning", "Q steady 1"]) expect(parseTold(line)).toBeUndefined();
});
