import { describe, expect, test } from "vitest";
import { csvRows } from "./csv-rows.ts";
import { readHistory, type RefusedRow } from "./history.ts";
import { readOrderRow } from "./order-row.ts";
import { csvFile, row, type RowParts } from "./testing/csv-file.ts";

const read = (parts: RowParts): ReturnType<typeof readOrderRow> => readOrderRow(row(parts).split(","));

describe("[P3] a row is refused for the first reason that applies", () => {
  test.each<[reason: string, parts: RowParts]>([
    ["malformed-row", { invoice: " " }],
    ["malformed-row", { sku: "" }],
    ["malformed-row", { quantity: "1.5" }],
    ["malformed-row", { quantity: "2e1" }],
    ["malformed-row", { quantity: "+2" }],
    ["malformed-row", { quantity: "" }],
    ["malformed-row", { quantity: 0 }],
    ["malformed-row", { quantity: "-0" }],
    ["malformed-row", { quantity: "99999999999999999999" }],
    ["malformed-row", { price: "1e3" }],
    ["malformed-row", { price: "£2" }],
    ["malformed-row", { price: ".5" }],
    ["malformed-row", { price: "5." }],
    ["malformed-row", { price: "" }],
    ["malformed-row", { price: "NaN" }],
    ["malformed-row", { date: "2011-02-30 08:30:00" }],
    ["malformed-row", { date: "2011-04-01" }],
    ["malformed-row", { date: "2011-04-01T08:30:00" }],
    ["malformed-row", { date: "01/04/2011 08:30:00" }],
    ["malformed-row", { date: "2011-04-01 24:00:00" }],
    ["malformed-row", { date: "2011-04-01 08:60:00" }],
    ["malformed-row", { date: "2011-4-1 8:30:00" }],
    ["malformed-row", { invoice: "A563185", quantity: "x" }],
    ["malformed-row", { description: "one, two" }],
    ["ledger-adjustment", { invoice: "A563185" }],
    ["ledger-adjustment", { invoice: " A563186", price: "-11062.06" }],
    ["negative-price", { price: "-0.01" }],
    ["negative-price", { invoice: "C536379", price: "-1", quantity: 1 }],
    ["positive-cancellation", { invoice: "C536379", quantity: 1 }],
    ["negative-quantity", { quantity: -1 }],
    ["negative-quantity", { quantity: -1, price: "0.0" }],
    ["negative-quantity", { quantity: -1, price: "0.001", customer: "" }],
  ])("%s: %o", (reason, parts) => {
    expect(read(parts)).toEqual({ kind: "refused", reason });
  });

  test("malformed-row: not eight cells", () => {
    expect(readOrderRow(row().split(",").slice(0, 7))).toEqual({ kind: "refused", reason: "malformed-row" });
    expect(readOrderRow([""])).toEqual({ kind: "refused", reason: "malformed-row" });
  });
});

describe("[P4] a row is accepted", () => {
  test.each<[what: string, parts: RowParts, said: object]>([
    ["codes and countries are trimmed", { invoice: " 5 ", sku: " S ", country: " EIRE " }, { invoice: "5", sku: "S", country: "EIRE" }],
    ["a customer loses the .0", { customer: "14620.0" }, { customer: "14620" }],
    ["an empty customer is a guest", { customer: "  " }, { customer: null }],
    ["a write-off has no price and no customer", { quantity: -7, price: "0.0", customer: "" }, { quantity: -7 }],
    ["a price of minus nothing is nothing", { price: "-0.0" }, { price: { units: 0n, places: 1 } }],
    ["a leap day is a day", { date: "2012-02-29 23:59:59" }, { at: Date.UTC(2012, 1, 29, 23, 59, 59) }],
    ["a price may have three places", { price: "0.001" }, { price: { units: 1n, places: 3 } }],
    ["a cancellation takes back", { invoice: "C1", quantity: -80_995 }, { invoice: "C1", quantity: -80_995 }],
    ["a lower-case c is no cancellation", { invoice: "c1" }, { invoice: "c1" }],
  ])("%s", (_, parts, said) => {
    expect(read(parts)).toMatchObject({ kind: "order-row", ...said });
  });
});

test("[P3] a refused row keeps its file, line, reason and original text, and the reader goes on", async () => {
  const file = csvFile(row(), '536365,"A,1","two\nlines",x,2011-04-01 08:30:00,1,,France', "", row({ price: -1 }), row());
  const refused: RefusedRow[] = [];
  const history = await readHistory([file], (one) => refused.push(one));
  expect(refused).toEqual([
    { file, line: 3, reason: "malformed-row", text: '536365,"A,1","two\nlines",x,2011-04-01 08:30:00,1,,France' },
    { file, line: 6, reason: "negative-price", text: row({ price: -1 }) },
  ]);
  expect(history.rows).toMatchObject({
    read: 4,
    accepted: 2,
    refused: { "malformed-row": 1, "negative-price": 1, "negative-quantity": 0 },
  });
});

test("[P2] the lines of a file with CRLF are those that an editor shows", async () => {
  const lines: number[] = [];
  for await (const { line } of csvRows(csvFile(`${row()}\r`, `${row()}\r`))) lines.push(line);
  expect(lines).toEqual([2, 3]);
});
