import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Plan, RecordError } from "@millrace/engine";
import { processors } from "#processors/registry.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { requireEvent } from "#schemas/parse-event.ts";
import { type Compiled, compileTopology } from "./compile-topology.ts";
import { formatProblem } from "./topology-error.ts";

const fileAt = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

function problemsOf(text: string, more: { environment?: Record<string, string>; partitions?: number } = {}): string[] {
  return compileTopology(text, { processors, file: "t.yaml", ...more }).problems.map((problem) => formatProblem(problem));
}

function compiled(text: string, partitions?: number): Compiled {
  const { problems, compiled: result } = compileTopology(text, { processors, ...(partitions === undefined ? {} : { partitions }) });
  if (result === undefined) throw new Error(problems.map((problem) => formatProblem(problem)).join("\n"));
  return result;
}

const inNodes = (nodes: string): string => `topology: t\nnodes:\n  ${nodes}\n`;

describe("[Y1] a file with mistakes", () => {
  test("tells all ten of them with their places, and what was probably meant", () => {
    const problems = problemsOf(fileAt("fixtures/ten-mistakes.yaml"));
    expect(problems.filter((line) => !/ {2}(info|warning): /.test(line))).toEqual([
      `t.yaml:4:30  TOPOLOGY_NOT_COPARTITIONED  "business.orders.cancelled" has 12 partitions and "business.orders.created" 6, and "orders" read them together; give them as many under topics:`,
      `t.yaml:8:36  TOPOLOGY_BAD_DURATION  "within" of dedupe of node "orders" is a duration such as 250ms, 30s, 1m, 24h, 7d; not "1day"`,
      `t.yaml:11:12  TOPOLOGY_EXPRESSION_TYPE  ">" compares money with int; say money("100.00", "GBP"), or take its .amount and compare it with decimal("100")`,
      `t.yaml:18:44  TOPOLOGY_UNKNOWN_VALUE  record Item has no field "quantitty"; did you mean "quantity"?`,
      `t.yaml:21:11  TOPOLOGY_UNKNOWN_NODE  there is no node "line"; did you mean "lines"?`,
      `t.yaml:22:5  TOPOLOGY_UNKNOWN_FIELD  node "by-sku" has no field "windw"; did you mean "window"?`,
      `t.yaml:23:25  TOPOLOGY_UNKNOWN_FUNCTION  there is no aggregate summ(); did you mean "sum"?`,
      `t.yaml:27:13  TOPOLOGY_PROCESSOR_CONFIG  "limit" of fraud/velocity: too small: expected number to be >0`,
      `t.yaml:28:9  TOPOLOGY_UNKNOWN_TOPIC  there is no topic "business.fraud.alert"; did you mean "business.fraud.alerts"?`,
      `t.yaml:34:40  TOPOLOGY_WRONG_KEY  input "adjustments" of inventory/stock-level must be keyed by sku, and "by-reason" is keyed by data.reason; add "key: data.sku" to the node it comes from`,
    ]);
  });

  test.each([
    ["a: { from: b, to: analytics.a }\n  b: { from: a }", "4:14  TOPOLOGY_CYCLE  a node cannot read what comes of it: a → b → a"],
    ["A: { from: business.orders.created, to: business.orders.created }", `3:3  TOPOLOGY_BAD_NAME  "A" is no name for a node`],
    ["key: { from: business.orders.created, to: business.orders.created }", `3:3  TOPOLOGY_BAD_NAME  "key" is a reserved word`],
    [
      "a: { from: business.orders.created, filter: data.total }",
      `3:39  TOPOLOGY_UNKNOWN_FIELD  node "a" has no field "filter"; did you mean "where"?`,
    ],
    [
      "a: { from: business.orders.created, to: business.orders.paid }",
      `TOPOLOGY_WRONG_OUTPUT  "business.orders.paid" takes events order.paid, and node "a" gives events order.created`,
    ],
    [
      "a: { from: business.orders.created, branch: { big: 'true', rest: 'true' } }\n  b: { from: a, to: analytics.b }",
      `4:14  TOPOLOGY_UNKNOWN_PORT  node "a" has several outputs; say one of "a.big", "a.rest"`,
    ],
    [
      "a: { from: business.orders.created, branch: { big: 'true' } }\n  b: { from: a.bigg, to: analytics.b }",
      `4:14  TOPOLOGY_UNKNOWN_PORT  node "a" has no output "bigg"; did you mean "big"?`,
    ],
    [
      "a: { from: business.orders.created, branch: { big: 'true' }, key: data.orderId }",
      `TOPOLOGY_STEP_CONFLICT  node "a" has "branch" and "key"`,
    ],
    [
      "a: { from: business.orders.created, emit: final, aggregate: { n: count() } }",
      `TOPOLOGY_STEP_CONFLICT  node "a" says "emit", which is for windows`,
    ],
    [
      "a: { from: business.orders.created, aggregate: { n: count() }, table: true }",
      `TOPOLOGY_STEP_CONFLICT  node "a" has "aggregate" and "table": one store a node`,
    ],
    [
      "a: { from: business.orders.created, window: { tumbling: 1d, grace: 0s } }",
      `TOPOLOGY_STEP_CONFLICT  node "a" has a window and no "aggregate"`,
    ],
    [
      "a: { from: [business.orders.created, business.payments.attempted], aggregate: { n: count() } }",
      `TOPOLOGY_NO_KEY  aggregate of node "a" goes by the key, and its records have none in common`,
    ],
    [
      "a: { from: business.inventory.received, key: data.sku + data.sku, aggregate: { n: count() } }",
      `TOPOLOGY_MISSING_FIELD  the key \`data.sku + data.sku\` needs a name`,
    ],
    [
      "a: { from: business.inventory.received, aggregate: { sku: count() } }",
      `TOPOLOGY_DUPLICATE_NAME  rows of node "a" have two columns "sku"`,
    ],
    [
      "a: { from: business.inventory.received, aggregate: { n: data.quantity } }",
      `TOPOLOGY_EXPRESSION_TYPE  "n" is an aggregate: one of count, sum`,
    ],
    [
      "a: { from: business.inventory.received, aggregate: { n: sum(data.sku) } }",
      `TOPOLOGY_EXPRESSION_TYPE  sum() adds up int, double, decimal or money`,
    ],
    [
      "a: { from: business.inventory.received, where: data.quantity }",
      `TOPOLOGY_EXPRESSION_TYPE  this asks yes or no, and \`data.quantity\` is int`,
    ],
    [
      "a: { from: business.inventory.received, flatMap: { each: data.sku, as: x } }",
      `TOPOLOGY_EXPRESSION_TYPE  "each" goes through a list, and \`data.sku\` is string`,
    ],
    [
      "a: { from: business.inventory.received, top: { by: [data.quantity], limit: 3 } }",
      `TOPOLOGY_MISSING_FIELD  top of node "a" needs "each"`,
    ],
    [
      "a: { from: business.inventory.received, use: inventory/stock-levl }",
      `TOPOLOGY_UNKNOWN_PROCESSOR  there is no processor "inventory/stock-levl"; did you mean "inventory/stock-level"?`,
    ],
    [
      "a: { from: business.fraud.alerts, use: fraud/velocity, with: { limit: 3, within: 1h } }",
      `TOPOLOGY_WRONG_INPUT  input "attempts" of fraud/velocity takes events payment.attempted, and "business.fraud.alerts" has fraud.alert`,
    ],
    [
      "a: { from: business.payments.attempted, use: fraud/velocity, with: { limt: 3, limit: 3, within: 1h } }",
      `3:72  TOPOLOGY_PROCESSOR_CONFIG  fraud/velocity has no setting "limt"; did you mean "limit"?`,
    ],
    [
      "a: { from: { order: business.orders.created, cancellations: business.orders.cancelled }, use: fraud/cancelled-huge-order, with: { atLeast: 1, within: 1h } }",
      `3:16  TOPOLOGY_UNKNOWN_PORT  fraud/cancelled-huge-order has no input "order"; did you mean "orders"?`,
    ],
    [
      "a: { from: business.payments.attempted, use: fraud/velocity, with: { limit: 3, within: 1h }, where: 'true' }",
      `TOPOLOGY_STEP_CONFLICT  node "a" has "use" and "where"`,
    ],
    [
      "a: { from: business.payments.attempted, use: fraud/velocity, with: { limit: 3, within: '${WITHIN}' } }",
      `TOPOLOGY_ENVIRONMENT  \${WITHIN} is not set in the environment`,
    ],
    [
      "a: { from: business.payments.attempted, use: fraud/velocity, with: { limit: 3, within: 1h, apiKey: abc } }",
      `TOPOLOGY_SECRET  "apiKey" looks like a secret`,
    ],
    [
      "a: { from: business.payments.attempted, where: \"eventId == '${X}'\" }",
      `TOPOLOGY_ENVIRONMENT  values of the environment may stand in \`with:\` and \`sinks:\` only`,
    ],
    [
      "a: { from: business.orders.created, to: shop.orders }",
      `TOPOLOGY_UNKNOWN_TOPIC  there is no topic "shop.orders"; results go to analytics`,
    ],
    ["a: { from: business.orders.created, require: { that: 'true', reason: Not Good } }", `TOPOLOGY_BAD_NAME  "Not Good" is no reason`],
    ["a: { to: analytics.a }", `3:6  TOPOLOGY_MISSING_FIELD  node "a" needs "from"`],
    ["a: 7", `3:6  TOPOLOGY_WRONG_SHAPE  node "a" is a map of`],
  ])("%s", (nodes, expected) => {
    expect(problemsOf(inNodes(nodes)).join("\n")).toContain(expected);
  });

  test("that has something of the design which is not built says so", () => {
    expect(problemsOf(`${inNodes("a: { from: business.orders.created, aggregate: { n: count() } }")}run: {}\n`).join()).toContain(
      "4:1  TOPOLOGY_NOT_SUPPORTED",
    );
  });

  test("is linted: grace, keys that grow, nodes of which nothing comes, a key that is there already", () => {
    const lint = (nodes: string): string => problemsOf(inNodes(nodes)).join("\n");
    expect(lint("a: { from: business.inventory.received, window: { tumbling: 1d }, aggregate: { n: count() } }")).toContain(
      "TOPOLOGY_MISSING_GRACE  warning: ",
    );
    expect(lint("a: { from: business.inventory.received, aggregate: { n: count() } }")).toContain("TOPOLOGY_UNBOUNDED_STATE  info: ");
    expect(lint("a: { from: business.inventory.received }")).toContain("TOPOLOGY_UNUSED_NODE  warning: ");
    expect(lint("a: { from: business.inventory.received, key: data.sku, aggregate: { n: count() } }")).toContain(
      "TOPOLOGY_KEY_UNCHANGED  warning: ",
    );
    expect(lint("a: { from: business.orders.created, key: data.customerId, aggregate: { n: count() } }")).not.toContain(
      "TOPOLOGY_KEY_UNCHANGED",
    );
    expect(
      lint("a: { from: business.orders.created, where: data.customerId != null, key: data.customerId, aggregate: { n: count() } }"),
    ).toContain("TOPOLOGY_KEY_UNCHANGED");
    const chain = ["b", "c", "d", "e"].map((id, i) => `${id}: { from: ${"abcd"[i]}, key: n, select: { n: n + 1 } }`).join("\n  ");
    expect(lint(`a: { from: business.inventory.received, select: { n: data.quantity }, key: n }\n  ${chain}`)).toContain(
      "TOPOLOGY_TOO_MANY_HOPS  warning: ",
    );
  });
});

describe("[Y14] the plan of commerce.yaml", () => {
  const text = fileAt("commerce.yaml");
  const { plan, queries, hops, description } = compiled(text);
  const sub = (id: string): Plan["subTopologies"][number] => plan.subTopologies.find((one) => one.id === id)!;

  test("has no warnings", () => {
    expect(problemsOf(text).filter((line) => !line.includes("info:"))).toEqual([]);
  });

  test("answers the queries of the replay with their columns, and no more hops than two", () => {
    const columns = Object.fromEntries(queries.map((query) => [query.name, query.columns.map(({ name }) => name).join(" ")]));
    expect(columns).toMatchObject({
      "orders-by-day": "country window_start window_end orders units revenue",
      "cancellations-by-day": "country window_start window_end cancellations units value",
      "sales-by-sku": "sku units revenue",
      "stock-levels": "sku level",
      "top-products-by-day": "window_start window_end rank sku units revenue",
      "customers-by-day": "window_start window_end customers",
      "fraud-alerts": "rule subject orderId at",
      "sales-per-minute": "sku window_start window_end units revenue orders",
      "orders-per-minute": "window_start window_end orders units revenue",
    });
    expect(Math.max(...hops.map((one) => one.hops))).toBe(2);
    for (const query of queries) {
      const node = sub(query.subTopology).nodes.find(({ id }) => id === query.node)!;
      expect(Object.keys(node.processor.stores)).toContain(query.store);
      expect(description).toContain(`keeps ${query.node}.${query.store}`);
    }
  });

  test("runs together what shares topics, apart what a key parts, each node behind those it reads", () => {
    expect(plan.subTopologies.map(({ id }) => id)).toEqual([
      "business.fraud.alerts",
      "business.inventory.adjusted",
      "business.orders.cancelled",
      "business.payments.attempted",
      "cancellations-by-day",
      "card-alerts",
      "customers-by-day",
      "orders-by-day",
      "orders-per-minute",
      "top-products-by-day",
    ]);
    for (const { nodes, sinks, sources } of plan.subTopologies) {
      const order = nodes.map(({ id }) => id);
      expect(new Set(order).size).toBe(order.length);
      const sinkIds = sinks.map(({ id }) => id);
      expect(new Set(sinkIds).size).toBe(sinkIds.length);
      for (const node of nodes) {
        expect(Object.keys(node.outputs)).toEqual(node.processor.outputs);
        for (const { to, sinks: written } of Object.values(node.outputs)) {
          for (const target of to) expect(order.indexOf(target.node)).toBeGreaterThan(order.indexOf(node.id));
          for (const id of written) expect(sinkIds).toContain(id);
        }
      }
      for (const { to } of sources)
        for (const target of to) expect(nodes.find(({ id }) => id === target.node)!.processor.inputs).toContain(target.port);
    }
  });

  test("names who writes a change of key, and nobody for topics that come from outside", () => {
    const upstream = sub("business.inventory.adjusted").sources.map(({ topic, upstream: from }) => [topic, from]);
    expect(upstream).toEqual([
      ["business.inventory.adjusted", []],
      ["business.inventory.received", []],
      ["commerce-cancelled-lines-repartition", ["business.orders.cancelled"]],
      ["commerce-lines-repartition", ["business.orders.cancelled"]],
    ]);
    expect(sub("card-alerts").sources.map(({ upstream: from }) => from)).toEqual([
      ["business.payments.attempted"],
      ["business.orders.cancelled"],
    ]);
  });

  test("has every topic that is read or written, and dead letters for those that are read", () => {
    const names = plan.topics.map(({ name }) => name);
    for (const { sources, sinks } of plan.subTopologies) {
      for (const { topic } of sources) expect(names).toEqual(expect.arrayContaining([topic, `${topic}.dlq`]));
      for (const { topic } of sinks) expect(names).toContain(topic);
    }
    expect(plan.topics.find(({ name }) => name === "commerce-lines-repartition")).toEqual({
      name: "commerce-lines-repartition",
      partitions: 12,
      retention: { kind: "consumed" },
    });
    expect(plan.topics.find(({ name }) => name === "business.orders.created.dlq")!.retention).toEqual({
      kind: "time",
      ms: 30 * 86_400_000,
    });
    for (const partitions of [1, 4]) for (const topic of compiled(text, partitions).plan.topics) expect(topic.partitions).toBe(partitions);
  });

  test("[Y20] decodes of an event only what its nodes read", () => {
    const value = encodeEvent(
      requireEvent("order.created", {
        eventId: "e1",
        eventType: "order.created",
        eventVersion: "1.0.0",
        source: "test",
        timestamp: "2011-04-01T00:00:00Z",
        data: {
          orderId: "o1",
          items: [{ sku: "A", quantity: 1, unitPrice: { amount: "1", currency: "GBP" } }],
          total: { amount: "1", currency: "GBP" },
          shippingAddress: { country: "France", city: "Paris" },
          paymentMethod: { type: "card" },
        },
      }),
    );
    const { decode } = sub("business.orders.cancelled").sources.find(({ topic }) => topic === "business.orders.created")!;
    expect(decode(value)).toEqual({
      eventId: "e1",
      data: {
        orderId: "o1",
        customerId: null,
        items: [{ sku: "A", quantity: 1, unitPrice: { amount: 10_000n, currency: "GBP" } }],
        total: { amount: 10_000n, currency: "GBP" },
        shippingAddress: { country: "France" },
      },
    });
    for (const bytes of [null, Buffer.from("spoilt"), value.subarray(0, value.length - 3)])
      expect(() => decode(bytes)).toThrow(RecordError);
  });

  test("[Y16] finds the key of a row by the texts of its columns, and gives it back in the row", () => {
    const query = (name: string) => queries.find((one) => one.name === name)!;
    expect(query("orders-by-day").keyOf({ country: "France" })).toBe("France");
    expect(query("orders-by-day").keyColumns).toEqual(["country"]);
    expect(query("orders-per-minute").keyColumns).toEqual([]);
    expect(query("orders-per-minute").keyOf({})).toBe(undefined);
    const { keyColumns, keyOf } = query("customers-by-day");
    expect(keyColumns).toEqual(["window_start", "window_end"]);
    const key = keyOf({ window_start: "2011-04-01T00:00:00.000Z", window_end: "2011-04-02T00:00:00Z" })!;
    expect(query("customers-by-day").rowOf({ key, value: { value: { customers: 3 }, timestamp: 0 } })).toEqual({
      window_start: "2011-04-01T00:00:00.000Z",
      window_end: "2011-04-02T00:00:00.000Z",
      customers: 3,
    });
    expect(keyOf({ window_start: "yesterday", window_end: "2011-04-02T00:00:00Z" })).toBe(undefined);
  });
});

test("[Y15] a change of key fits the sources it is read with", () => {
  const { plan } = compiled(`
topology: t
topics:
  business.orders.created: { partitions: 6 }
  business.inventory.received: { partitions: 3 }
  business.inventory.adjusted: { partitions: 3, retention: forever }
nodes:
  lines: { from: business.orders.created, flatMap: { each: data.items, as: i, select: { orderId: data.orderId, sku: i.sku, units: i.quantity } }, key: sku }
  stock: { use: inventory/stock-level, from: { orders: lines, receipts: business.inventory.received }, with: { lowStockBelow: 1 }, to: { low: business.inventory.low } }
  by-order: { from: lines, key: orderId, aggregate: { n: count() } }
  orders: { from: business.orders.created, key: eventId, aggregate: { n: count() } }
  adjusted: { from: business.inventory.adjusted, aggregate: { n: count() } }
`);
  const partitions = Object.fromEntries(plan.subTopologies.map(({ id, partitions: count }) => [id, count]));
  expect(partitions).toEqual({
    "business.orders.created": 6,
    "business.inventory.received": 3,
    "business.inventory.adjusted": 3,
    "by-order": 3,
    orders: 6,
  });
  expect(plan.topics.find(({ name }) => name === "t-lines-repartition")!.partitions).toBe(3);
  expect(plan.topics.find(({ name }) => name === "business.inventory.adjusted")!.retention).toEqual({ kind: "forever" });
});

test("[Y14] no name depends on where a node stands in the file", () => {
  const nodes = [
    "b: { from: business.inventory.received, aggregate: { n: sum(data.quantity) } }",
    "a: { from: business.inventory.received, key: data.warehouseId, aggregate: { n: count() } }",
    "c: { from: b, where: n > 3, to: analytics.c }",
  ];
  const named = (order: readonly string[]): unknown => {
    const { plan, queries } = compiled(inNodes(order.join("\n  ")));
    return [
      plan.subTopologies.map(({ id, nodes: parts, sinks }) => [
        id,
        parts.map((part) => part.id).sort(),
        sinks.map((sink) => sink.id).sort(),
      ]),
      plan.topics,
      queries.map(({ name, subTopology, store }) => [name, subTopology, store]),
    ];
  };
  expect(named(nodes.toReversed())).toEqual(named(nodes));
});
