import { type CurrentRecord, RecordError } from "@millrace/engine";
import { describe, expect, test } from "vitest";
import { fieldTypeOf } from "#schemas/event-registry.ts";
import type { FieldType } from "#schemas/field-type.ts";
import { problemList } from "../topology-error.ts";
import { compileElements, compileExpression, type Expression } from "./compile-expression.ts";
import { type ExpressionType, typeName, typeOfName } from "./expression-type.ts";

const record: CurrentRecord = { key: "k", timestamp: 86_400_000, sequence: 1, headers: new Uint8Array(0), windowStart: -1, windowEnd: -1 };
const text = (of: string) => {
  const at = (offset: number) => ({ file: "f", line: 1, column: offset + 1 });
  return { text: of, place: at(0), at };
};

function compile(of: string, type: ExpressionType = order): { expression: Expression; problems: string[] } {
  const { report, sorted } = problemList();
  const expression = compileExpression(text(of), { value: type, where: "node.step", report });
  return { expression, problems: sorted().map(({ code, place, message }) => `${place.column} ${code} ${message}`) };
}

/** Type and value of an expression that has no mistakes. */
function evaluate(of: string, value: unknown = sample, type: ExpressionType = order): unknown {
  const { expression, problems } = compile(of, type);
  expect(problems).toEqual([]);
  return [typeName(expression.type), expression.evaluate(value, record)];
}

const order = fieldTypeOf("order.created");
const gbp = (amount: bigint) => ({ amount, currency: "GBP" });
const sample = {
  eventId: "e1",
  timestamp: 5,
  metadata: { sessionId: null },
  data: {
    orderId: "o1",
    customerId: null,
    items: [
      { sku: "A", quantity: 2, unitPrice: gbp(15_000n), vendorId: null },
      { sku: "B", quantity: 3, unitPrice: gbp(10n), vendorId: "v" },
    ],
    total: gbp(30_030n),
  },
};
const types = (fields: Readonly<Record<string, string>>): FieldType => ({
  kind: "record",
  name: "T",
  fields: Object.entries(fields).map(([name, type]) => ({ name, type: typeOfName(type)! })),
});
const numbers = types({
  i: "int",
  j: "int",
  d: "double",
  m: "money",
  n: "money?",
  s: "string",
  t: "timestamp",
  b: "bool",
  c: "decimal",
  l: "list<int>",
  map: "map<int>",
  q: "int?",
});
const values = {
  i: 7,
  j: -2,
  d: 0.5,
  m: gbp(10_000n),
  n: null,
  s: "é𝒳",
  t: 1000,
  b: true,
  c: 5000n,
  l: [3, 1, 2],
  map: { a: 1 },
  q: null,
};
const of = (expression: string): unknown => evaluate(expression, values, numbers);

describe("[Y4] expressions", () => {
  test.each([
    ["i + j", ["int", 5]],
    ["i / j", ["int", -3]],
    ["i % j", ["int", 1]],
    ["0 * j", ["int", 0]],
    ["-i - 1", ["int", -8]],
    ["d * 4.0", ["double", 2]],
    ["double(i) / 2.0", ["double", 3.5]],
    ["int(3.9)", ["int", 3]],
    ['int("-12")', ["int", -12]],
    ["i > d", ["boolean", true]],
    ["i == 7.0", ["boolean", true]],
    ["m * 3", ["money", gbp(30_000n)]],
    ["3 * m - m", ["money", gbp(20_000n)]],
    ["-m", ["money", gbp(-10_000n)]],
    ['m + money("0.0001", "GBP")', ["money", gbp(10_001n)]],
    ['m == money("1", "GBP")', ["boolean", true]],
    ['m == money("1", "EUR")', ["boolean", false]],
    ['m >= money("1.0001", "GBP")', ["boolean", false]],
    ['m.amount > decimal("0.5")', ["boolean", true]],
    ["m.currency", ["string", "GBP"]],
    ["n.amount == null", ["boolean", true]],
    ['c * 2 == decimal("1")', ["boolean", true]],
    ["string(c)", ["string", "0.50"]],
    ['s + "!"', ["string", "é𝒳!"]],
    ["size(s)", ["int", 2]],
    ['"﹏" < "𝒳"', ["boolean", true]],
    ['s.startsWith("é") && s.endsWith("𝒳") && s.contains("𝒳")', ["boolean", true]],
    ['"Ab1".lowerAscii().matches("^ab[0-9]$")', ["boolean", true]],
    ['string(t) + " " + date(t)', ["string", "1970-01-01T00:00:01.000Z 1970-01-01"]],
    ['t < timestamp("1970-01-01T00:00:02Z")', ["boolean", true]],
    ["t - t", ["int", 0]],
    ["timestamp == t", ["boolean", false]],
    ["key", ["string or null", "k"]],
    ["sum(l) + size(l) + max(l) - min(l)", ["int", 11]],
    ["l.map(x, x * i)", ["list<int>", [21, 7, 14]]],
    ["l.map(x, x > 1, x)", ["list<int>", [3, 2]]],
    ["l.filter(x, x > 1)", ["list<int>", [3, 2]]],
    ["l.all(x, x > 0) && l.exists(x, x == 2) && l.exists_one(x, x == 2)", ["boolean", true]],
    ["l[1]", ["int", 1]],
    ["2 in l && !(4 in l) && i in [7, 8]", ["boolean", true]],
    ['"a" in map && map["a"] == 1 && map.b == null', ["boolean", true]],
    ["b ? 1 : 2", ["int", 1]],
    ["b ? 1 : null", ["int or null", 1]],
    ["coalesce(q, i)", ["int", 7]],
    ["q != null && q > 3", ["boolean", false]],
    ["q == null || q > 3", ["boolean", true]],
    ["!(q == null) && q > 3", ["boolean", false]],
    ["q == null ? 0 : q + 1", ["int", 0]],
    ["has(map.a)", ["boolean", true]],
    [
      "[1, 2].map(x, l.map(y, x * y))",
      [
        "list<list<int>>",
        [
          [3, 1, 2],
          [6, 2, 4],
        ],
      ],
    ],
  ])("%s", (expression, expected) => {
    expect(of(expression)).toEqual(expected);
  });

  test("are exact for money over the lines of an order", () => {
    expect(evaluate("sum(data.items.map(i, i.quantity * i.unitPrice)) == data.total")).toEqual(["boolean", true]);
    const tenths = { ...sample, data: { ...sample.data, items: [{ quantity: 3, unitPrice: gbp(1000n) }], total: gbp(3000n) } };
    expect(evaluate("sum(data.items.map(i, i.quantity * i.unitPrice)) == data.total", tenths)).toEqual(["boolean", true]);
  });

  test.each([
    ["data.totl", `6 TOPOLOGY_UNKNOWN_VALUE record OrderCreated has no field "totl"; did you mean "total"?`],
    ["total", `1 TOPOLOGY_UNKNOWN_VALUE there is no "total" here; did you mean "data.total"?`],
    ["data.items.map(i, i.skuu)", `21 TOPOLOGY_UNKNOWN_VALUE record Item has no field "skuu"; did you mean "sku"?`],
    ["data.total > 100", `1 TOPOLOGY_EXPRESSION_TYPE ">" compares money with int`],
    ["data.total + 1", `1 TOPOLOGY_EXPRESSION_TYPE "+" is not defined for money and int`],
    ["data.total / 2", `1 TOPOLOGY_EXPRESSION_TYPE "/" is not defined for money and int; an amount is not divided`],
    ["1 + 1.0", `1 TOPOLOGY_EXPRESSION_TYPE "+" is not defined for int and double`],
    ["data.orderId == 1", `1 TOPOLOGY_EXPRESSION_TYPE "==" compares string with int`],
    ['data.customerId + "x"', `1 TOPOLOGY_EXPRESSION_TYPE "data.customerId" may be null (string or null)`],
    ["data.orderId && true", `1 TOPOLOGY_EXPRESSION_TYPE "&&" joins booleans, and this is string`],
    ["now()", `1 TOPOLOGY_UNKNOWN_FUNCTION there is no function now()`],
    ["siz(data.items)", `1 TOPOLOGY_UNKNOWN_FUNCTION there is no function siz(); did you mean "size"?`],
    ['contains(data.orderId, "x")', `1 TOPOLOGY_UNKNOWN_FUNCTION there is no function contains(); say x.contains(…)`],
    ['data.orderId.startswith("x")', `14 TOPOLOGY_UNKNOWN_FUNCTION there is no function startswith(); did you mean "startsWith"?`],
    ["sum(data.items)", `1 TOPOLOGY_EXPRESSION_TYPE sum() is not defined for list<record Item>`],
    ["sum(1, 2)", `1 TOPOLOGY_EXPRESSION_TYPE sum() takes 1 argument, not 2`],
    ["data.orderId.map(x, x)", `1 TOPOLOGY_EXPRESSION_TYPE .map() goes through a list, and this is string`],
    ['money("1.00001", "GBP")', `1 TOPOLOGY_EXPRESSION_TYPE "1.00001" is no decimal of at most four places`],
    ['money("1", "GBQ")', `1 TOPOLOGY_EXPRESSION_TYPE "GBQ" is no currency of ISO 4217`],
    ['timestamp("2011-02-30T00:00:00Z")', `1 TOPOLOGY_EXPRESSION_TYPE "2011-02-30T00:00:00Z" is no time with its zone`],
    ['data.orderId.matches("(")', `1 TOPOLOGY_EXPRESSION_TYPE "(" is no regular expression`],
    ["5u", `1 TOPOLOGY_EXPRESSION_TYPE an unsigned literal is not part of the language`],
    ["9007199254740993", `1 TOPOLOGY_EXPRESSION_TYPE int is not within ±(2^53 − 1)`],
    ["data.", `6 TOPOLOGY_EXPRESSION_SYNTAX in \`data.\`: Expected IDENTIFIER`],
    ["data.metadata.sessionId", `6 TOPOLOGY_UNKNOWN_VALUE record OrderCreated has no field "metadata"`],
  ])("tell the mistake in %s at its column", (expression, expected) => {
    const { problems } = compile(expression);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  test("tell several mistakes at once, and none that follows from another", () => {
    expect(compile("data.totl + data.orderIdd == nothing").problems.map((line) => line.slice(0, 28))).toEqual([
      "6 TOPOLOGY_UNKNOWN_VALUE rec",
      "18 TOPOLOGY_UNKNOWN_VALUE re",
      "30 TOPOLOGY_UNKNOWN_VALUE th",
    ]);
  });

  test.each([
    ["i * 9007199254740991", "expression-failed", "int is not within"],
    ["i / (j + 2)", "expression-failed", "division by zero"],
    ["l[3]", "expression-failed", "index 3 of a list of 3"],
    ['m + money("1", "EUR")', "currency-mismatch", "GBP and EUR"],
    ['m < money("1", "EUR")', "currency-mismatch", "GBP and EUR"],
    ["sum(l.filter(x, x > 9).map(x, x * m))", "expression-failed", "no money has no currency"],
    ['money("99999999999999.9999", "GBP") + m', "expression-failed", "more than 18 digits"],
    ["int(s)", "expression-failed", "a text that is none"],
  ])("%s dead-letters its record as %s", (expression, reason, message) => {
    const compiled = compile(expression, numbers);
    expect(compiled.problems).toEqual([]);
    let thrown: unknown;
    try {
      compiled.expression.evaluate(values, record);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RecordError);
    expect((thrown as RecordError).reason).toBe(reason);
    expect((thrown as RecordError).message).toContain(message);
    expect((thrown as RecordError).message).toContain(`node.step: ${expression}`);
  });
});

describe("[Y20] what an expression reads", () => {
  const reads = (expression: string): string[] => [...compile(expression).expression.reads].sort();

  test("is the paths that it looks at, through lists, and no more", () => {
    expect(reads("data.total")).toEqual(["data.total"]);
    expect(reads("data.total.amount")).toEqual(["data.total"]);
    expect(reads("sum(data.items.map(i, i.quantity * i.unitPrice)) == data.total")).toEqual([
      "data.items.quantity",
      "data.items.unitPrice",
      "data.total",
    ]);
    expect(reads("size(data.items)")).toEqual(["data.items"]);
    expect(reads("data.items.filter(i, i.quantity > 1).map(i, i.sku)")).toEqual(["data.items", "data.items.quantity"]);
    expect(reads("data.items.all(i, true)")).toEqual(["data.items"]);
    expect(reads("has(metadata.sessionId) ? metadata.sessionId : key")).toEqual(["metadata.sessionId"]);
    expect(reads("timestamp > timestamp")).toEqual(["timestamp"]);
  });

  test("of a list whose elements get a name is left to what looks into them", () => {
    const { report } = problemList();
    const { list, scope } = compileElements(text("data.items"), "item", { value: order, where: "n.flatMap", report });
    expect([...list.reads]).toEqual([]);
    expect([...compileExpression(text("item.sku"), scope).reads]).toEqual(["data.items.sku"]);
  });
});

test("[Y4] a test that shows a path not to be null says so", () => {
  expect(compile("data.customerId != null && metadata.userId != null").expression.shows).toEqual(["data.customerId", "metadata.userId"]);
  expect(compile("data.customerId != null || metadata.userId != null").expression.shows).toEqual([]);
  expect(compile('data.customerId == "c1"').expression.shows).toEqual(["data.customerId"]);
  expect(compile("!(data.customerId == null)").expression.shows).toEqual(["data.customerId"]);
});
