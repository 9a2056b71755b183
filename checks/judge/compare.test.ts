import { describe, expect, test } from "vitest";
import type { Answers } from "./answers.ts";
import { compareAnswers } from "./compare.ts";

const window = { window_start: "2011-04-01T00:00:00.000Z", window_end: "2011-04-02T00:00:00.000Z" };
const none: Answers = {
  "orders-by-day": [],
  "cancellations-by-day": [],
  "sales-by-sku": [],
  "top-products-by-day": [],
  "customers-by-day": [],
  "fraud-alerts": [],
};
const empty = Object.fromEntries(Object.keys(none).map((name) => [name, ""]));
const orders: Answers = { ...none, "orders-by-day": [{ country: "UK", ...window, orders: "2", units: "10", revenue: "1.50" }] };
const against = (expected: Answers, query: string, ...rows: readonly object[]): string[] =>
  compareAnswers(expected, { ...empty, [query]: rows.map((row) => JSON.stringify(row)).join("\n") });

describe("[P20] answers are compared", () => {
  test("as decimals, integers and instants, whatever their text, in any order, other columns passed over", () => {
    for (const revenue of ["1.5", "1.500", 1.5, "01.50"]) {
      const row = {
        revenue,
        orders: 2,
        units: "10",
        window_end: "2011-04-02T00:00:00Z",
        window_start: "2011-04-01T01:00:00+01:00",
        country: "UK",
        final: true,
      };
      expect(against(orders, "orders-by-day", row)).toEqual([]);
    }
    expect(compareAnswers(none, empty)).toEqual([]);
  });

  test("and differences are told: the value, a missing row, one too many, a column that is not there", () => {
    const good = { country: "UK", ...window, orders: 2, units: 10, revenue: "1.50" };
    expect(against(orders, "orders-by-day", { ...good, revenue: "1.51", units: 11 })).toEqual([
      "orders-by-day: 2 differences (1 rows expected, 1 answered)",
      "  different   2011-04-01T00:00:00.000Z UK: units is 11, not 10",
      "  different   2011-04-01T00:00:00.000Z UK: revenue is 1.51, not 1.5",
    ]);
    expect(against(orders, "orders-by-day")[1]).toMatch(/^ {2}missing {5}\{"country":"UK"/);
    expect(against(orders, "orders-by-day", good, { ...good, country: "EIRE" })[1]).toMatch(/^ {2}unexpected {2}\{"country":"EIRE"/);
    expect(against(orders, "orders-by-day", good, good)[1]).toMatch(/2 times instead of 1/);
    expect(against(orders, "orders-by-day", { ...good, units: undefined })[1]).toMatch(/units is \(no such column\), not 10/);
    expect(against(orders, "orders-by-day", { ...good, revenue: "1.5000001" })).toHaveLength(2);
    expect(compareAnswers(orders, {})).toContain("orders-by-day: not answered; 1 rows expected");
  });

  test("alerts are counted, and only the first ten differences are shown", () => {
    const alert = { rule: "r", subject: "s", orderId: "1", at: "2011-04-01T08:00:00.000Z" };
    const expected: Answers = { ...none, "fraud-alerts": [alert, alert] };
    expect(against(expected, "fraud-alerts", alert, { ...alert, at: Date.parse(alert.at) })).toEqual([]);
    expect(against(expected, "fraud-alerts", alert)[1]).toMatch(/1 times instead of 2/);
    const many = Array.from({ length: 15 }, (_, i) => ({ ...alert, subject: `s${i}` }));
    expect(against(none, "fraud-alerts", ...many)).toHaveLength(12);
    expect(against(none, "fraud-alerts", ...many).at(-1)).toBe("  … and 5 more");
  });

  test("an answer that is no NDJSON is an error", () => {
    expect(() => compareAnswers(orders, { ...empty, "orders-by-day": "<html>" })).toThrow(/orders-by-day: line 1 of the answer is no JSON/);
  });
});
