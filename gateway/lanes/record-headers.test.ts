import { expect, test } from "vitest";
import { decodeHeaders } from "#engine/broker/record-batch.ts";
import { recordHeaders } from "./record-headers.ts";

test("[G13] a record carries trace, time of recording and correlation id, as the log's frames read them", () => {
  const headersOf = recordHeaders({ traceparent: "00-a-b-01", recordedTime: "2026-11-21T09:00:00.000Z" });
  for (const id of ["corr-1", "corr-1", "é-2", ""]) {
    expect(decodeHeaders(headersOf(id))).toEqual([
      ["traceparent", "00-a-b-01"],
      ["recordedtime", "2026-11-21T09:00:00.000Z"],
      ["correlationid", id],
    ]);
  }
});
