import { describe, expect, test } from "vitest";
import { type Delivery, noHeaders, decodeHeaders } from "@millrace/engine";
import { processors } from "#processors/registry.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { requireEvent } from "#schemas/parse-event.ts";
import { type Compiled, compileTopology } from "../compile-topology.ts";
import { formatProblem } from "../topology-error.ts";
import type { DeliveryPlan } from "./delivery-plan.ts";

const nodes = `topology: shop
nodes:
  orders: { from: business.orders.created, dedupe: { by: eventId, within: 24h } }
  lines:
    from: orders
    flatMap: { each: data.items, as: item, select: { sku: item.sku, units: item.quantity, revenue: item.quantity * item.unitPrice } }
    key: sku
  sales:
    from: lines
    window: { tumbling: 1m, grace: 30s }
    aggregate: { units: sum(units), revenue: sum(revenue) }
    to: analytics.sales.per-minute
sinks:
`;
const firstLine = nodes.split("\n").length;

function problemsOf(sinks: string): string[] {
  const { problems } = compileTopology(`${nodes}${sinks}\n`, { processors, file: "t.yaml" });
  return problems.filter(({ severity }) => severity !== "info").map((problem) => formatProblem(problem));
}

function compiled(sinks: string): Compiled {
  const { problems, compiled: result } = compileTopology(`${nodes}${sinks}\n`, { processors, file: "t.yaml" });
  if (result === undefined) throw new Error(problems.map((problem) => formatProblem(problem)).join("\n"));
  return result;
}

function sinkOf(sinks: string): DeliveryPlan {
  return compiled(sinks).deliveries[0]!;
}

const hook = "webhook: { url: https://shop.example/hook }";

describe("[D70] a sink with mistakes", () => {
  test.each([
    [
      `a: { from: lines, ${hook} }`,
      `TOPOLOGY_SINK_SOURCE  a sink reads the log, and "lines" is not written to it; add to node "lines": to: analytics.lines`,
      "/a/from",
    ],
    [`a: { from: salez, ${hook} }`, `TOPOLOGY_UNKNOWN_NODE  there is no node "salez"; did you mean "sales"?`, "/a/from"],
    [`a: { from: business.orders.creatd, ${hook} }`, `TOPOLOGY_UNKNOWN_TOPIC  there is no topic "business.orders.creatd"`, "/a/from"],
    [`a: { from: sales }`, `TOPOLOGY_MISSING_FIELD  sink "a" does not say where its records go: one of "webhook", "slack"`, "/a"],
    [
      `a: { from: sales, ${hook}, redis: { url: redis://localhost } }`,
      `TOPOLOGY_STEP_CONFLICT  sink "a" goes to webhook and to redis`,
      "/a/redis",
    ],
    [`a: { from: sales, ${hook}, wher: 'true' }`, `TOPOLOGY_UNKNOWN_FIELD  sink "a" has no field "wher"; did you mean "where"?`, "/a/wher"],
    [
      `a: { from: sales, webhook: { url: https://x.example/, bod: x } }`,
      `TOPOLOGY_UNKNOWN_FIELD  webhook of sink "a" has no field "bod"; did you mean "body"?`,
      "/a/webhook/bod",
    ],
    [`a: { from: sales, where: units, ${hook} }`, "TOPOLOGY_EXPRESSION_TYPE  this asks yes or no, and `units` is int", "/a/where"],
    [
      `a: { from: sales, ${hook}, retry: { attempts: 0 } }`,
      `TOPOLOGY_BAD_VALUE  "attempts" of retry of sink "a" is a number from 1 to 1000`,
      "/a/retry/attempts",
    ],
    [
      `a: { from: sales, ${hook}, retry: { pause: 5s, most: 1s } }`,
      `TOPOLOGY_BAD_VALUE  "most" of retry of sink "a" is the longest pause`,
      "/a/retry/most",
    ],
    [`a: { from: sales, ${hook}, timeout: soon }`, `TOPOLOGY_BAD_DURATION  "timeout" of sink "a" is a duration`, "/a/timeout"],
    [`sales: { from: sales, ${hook} }`, `TOPOLOGY_DUPLICATE_NAME  "sales" is a node already`, "/sales"],
    [`Sales: { from: sales, ${hook} }`, `TOPOLOGY_BAD_NAME  "Sales" is no name for a sink`, "/Sales"],
    [
      `a: { from: sales, webhook: { url: http://shop.example/ } }`,
      `TOPOLOGY_SINK_SETTING  "url" of webhook of sink "a" is an address by https:`,
      "/a/webhook/url",
    ],
    [
      `a: { from: sales, webhook: { url: https://x.example/, secret: hunter2 } }`,
      `TOPOLOGY_SECRET  "secret" of webhook of sink "a" is secret: say the name of a variable`,
      "/a/webhook/secret",
    ],
    [
      `a: { from: sales, webhook: { url: https://x.example/, body: { a: unit } } }`,
      `TOPOLOGY_UNKNOWN_VALUE  there is no "unit" here; did you mean "units"?`,
      "/a/webhook/body/a",
    ],
    [
      `a: { from: sales, slack: { webhook: https://hooks.example/T0/B0, text: sku } }`,
      `TOPOLOGY_SECRET  "webhook" of slack of sink "a" is secret`,
      "/a/slack/webhook",
    ],
    [`a: { from: sales, slack: { token: "\${T}", text: sku } }`, `TOPOLOGY_MISSING_FIELD  slack of sink "a" needs "channel"`, "/a/slack"],
    [
      `a: { from: sales, timeout: 5s, slack: { webhook: "\${W}", text: sku } }`,
      `TOPOLOGY_SINK_SETTING  a message may wait 20 s for its turn in Slack`,
      "/a/timeout",
    ],
    [
      `a: { from: sales, slack: { webhook: "\${W}", text: revenue } }`,
      "TOPOLOGY_EXPRESSION_TYPE  this is written as text, and `revenue` is money; say revenue.amount and revenue.currency",
      "/a/slack/text",
    ],
    [
      `a: { from: sales, email: { server: s, sender: a@b.example, to: sku, subject: sku, text: sku, user: u } }`,
      `TOPOLOGY_MISSING_FIELD  email of sink "a" needs "password"`,
      "/a/email",
    ],
    [
      `a: { from: sales, email: { server: s, sender: a@b.example, to: sku, subject: sku } }`,
      `TOPOLOGY_MISSING_FIELD  email of sink "a" needs "text"`,
      "/a/email",
    ],
    [`a: { from: sales, sns: { subject: sku } }`, `TOPOLOGY_MISSING_FIELD  sns of sink "a" needs "topicArn"`, "/a/sns"],
    [
      `a: { from: sales, postgres: { url: "\${U}", table: t } }`,
      `TOPOLOGY_MISSING_FIELD  postgres of sink "a" needs "key": which columns name a row; what tells these records apart is [sku, window_start`,
      "/a/postgres",
    ],
    [
      `a: { from: sales, postgres: { url: "\${U}", table: t, key: [sku, minute] } }`,
      `TOPOLOGY_UNKNOWN_VALUE  "minute" is none of the columns (sku, window_start, window_end, units, revenue)`,
      "/a/postgres/key/1",
    ],
    [
      `a: { from: sales, postgres: { url: "\${U}", table: t, key: sku, columns: { sku: sku, millrace_offset: units } } }`,
      `TOPOLOGY_SINK_SETTING  table t: millrace_offset is a column of Millrace's own`,
      "/a/postgres/table",
    ],
    [
      `a: { from: sales, postgres: { url: postgres://me:secret@db.example/shop, table: t, key: [sku, window_start] } }`,
      `TOPOLOGY_SECRET  this looks like a secret`,
      "/a/postgres/url",
    ],
    [
      `a: { from: sales, postgres: { url: "\${U}", table: t, key: window_start } }`,
      `TOPOLOGY_SINK_ORDER  warning: rows are named by (window_start), and the records are keyed by sku`,
      "/a/postgres/key",
    ],
    [
      `a: { from: sales, redis: { url: "\${U}", value: sku, fields: { u: units } } }`,
      `TOPOLOGY_SINK_SETTING  redis of sink "a" writes a "value" or a hash of "fields"; not both`,
      "/a/redis",
    ],
    [
      `a: { from: sales, redis: { url: "\${U}", password: x } }`,
      `TOPOLOGY_SECRET  "password" of redis of sink "a" is secret`,
      "/a/redis/password",
    ],
  ])("%s", (sink, wanted, pointer) => {
    const problems = problemsOf(`  ${sink}`);
    expect(problems).toEqual([expect.stringContaining(wanted)]);
    expect(problems[0]).toMatch(new RegExp(`^t\\.yaml:${firstLine}:\\d+ .* \\(/sinks${pointer}\\)$`));
  });

  test("tells all of them, of all sinks, with places and pointers of their own", () => {
    const sinks = `  a: { from: salez, ${hook} }\n  b:\n    from: sales\n    postgres:\n      table: t\n      key: [nothing]\n`;
    expect(problemsOf(sinks)).toEqual([
      `t.yaml:${firstLine}:14  TOPOLOGY_UNKNOWN_NODE  there is no node "salez"; did you mean "sales"? (/sinks/a/from)`,
      `t.yaml:${firstLine + 4}:7  TOPOLOGY_MISSING_FIELD  postgres of sink "b" needs "url" (/sinks/b/postgres)`,
      `t.yaml:${firstLine + 5}:13  TOPOLOGY_UNKNOWN_VALUE  "nothing" is none of the columns (sku, window_start, window_end, units, revenue) (/sinks/b/postgres/key/0)`,
    ]);
  });

  test("of a topic that several nodes write is told to name the topic", () => {
    const text = `topology: t
nodes:
  a: { from: business.orders.created, where: data.orderId == "1", to: analytics.both }
  b: { from: business.orders.created, where: data.orderId == "2", to: analytics.both }
sinks:
  c: { from: a, ${hook} }
`;
    const { problems } = compileTopology(text, { processors, file: "t.yaml" });
    expect(problems.map((problem) => formatProblem(problem))).toContain(
      `t.yaml:6:14  TOPOLOGY_SINK_SOURCE  node "a" shares its topic with "b": say "analytics.both" for the records of all of them (/sinks/c/from)`,
    );
  });
});

describe("a sink of the file", () => {
  test("[D74] has its topic with as many partitions, its group and its patience; what is left out has a default", () => {
    const plan = sinkOf(`  hook: { from: sales, ${hook} }`);
    expect(plan).toMatchObject({
      name: "hook",
      kind: "webhook",
      topic: "analytics.sales.per-minute",
      partitions: 12,
      group: "shop-sink-hook",
      retry: { attempts: 8, baseMs: 50, maxMs: 30_000 },
      breaker: { failures: 5, pause: { baseMs: 1000, maxMs: 30_000 } },
      callMs: 30_000,
    });
    const patient = `  hook: { from: business.inventory.low, ${hook}, retry: { attempts: 3, pause: 1s, most: 1m }, breaker: { failures: 2, pause: 5s }, timeout: 4s }`;
    expect(sinkOf(patient)).toMatchObject({
      topic: "business.inventory.low",
      retry: { attempts: 3, baseMs: 1000, maxMs: 60_000 },
      breaker: { failures: 2, pause: { baseMs: 5000, maxMs: 30_000 } },
      callMs: 4000,
    });
  });

  test("[D4] its topic and the dead letters of it are topics of the plan, also where no node reads it", () => {
    const names = compiled(`  hook: { from: business.inventory.low, ${hook} }`).plan.topics.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["business.inventory.low", "business.inventory.low.dlq"]));
  });

  test("[D71] names what it needs of the environment, and asks for nothing before it is opened", async () => {
    const plan = sinkOf(
      `  mail: { from: sales, email: { server: "\${HOST}:587", sender: shop@x.example, user: me, password: "\${PASS}", to: sku, subject: sku, text: sku } }`,
    );
    expect(plan.variables.map(({ name, place: { line } }) => [name, line])).toEqual([
      ["HOST", firstLine],
      ["PASS", firstLine],
    ]);
    const short = sinkOf(`  hook: { from: sales, webhook: { url: "\${URL}", secret: "\${KEY}" } }`);
    const open = (environment: Record<string, string>): Promise<unknown> => short.open({ environment, origin: "" });
    await expect(open({ URL: "https://me:password@x.example/", KEY: "x".repeat(24) })).rejects.toThrow(/^the address is none by https:/);
    await expect(open({ URL: "https://x.example/", KEY: "hunter2" })).rejects.toThrow(
      /^the secret \$\{KEY\} has 7 bytes; 24 are the least$/,
    );
  });

  test("[D72] what `where` does not hold of is not wanted; what cannot be read is, so that it is refused and not lost", () => {
    const { wants } = sinkOf(`  hook: { from: business.orders.created, where: data.customerId == "ann", ${hook} }`);
    expect([wants(orderOf("ann")), wants(orderOf("ben")), wants({ ...orderOf("ben"), value: Buffer.from("no event") })]).toEqual([
      true,
      false,
      true,
    ]);
    expect(wants({ ...orderOf("ann"), value: null })).toBe(false);
    const table = sinkOf(
      `  t: { from: business.orders.created, postgres: { url: "\${U}", table: t, columns: { customer: data.customerId }, key: customer } }`,
    );
    expect(table.wants({ ...orderOf("ann"), value: null })).toBe(true);
  });

  test("[D73] is described with its columns and their types", () => {
    const { description } = compiled(`  t:
    from: business.orders.created
    postgres:
      url: "\${U}"
      table: orders
      key: customer
      columns:
        customer: data.customerId
        total: data.total
        lines: size(data.items)
        at: timestamp
        items: data.items
        big: data.total.amount > decimal("100")
        mean: double(size(data.items)) / 2.0`);
    expect(description).toContain(`sinks
  t (postgres) ← business.orders.created
    keeps table orders by (customer): customer text, total numeric, lines bigint, at timestamptz, items jsonb, big boolean, mean double precision
    needs U from the environment
`);
  });
});

function orderOf(customerId: string): Omit<Delivery, "attempt"> {
  const event = requireEvent("order.created", {
    eventType: "order.created",
    eventVersion: "1.0.0",
    source: "test",
    eventId: `order-of-${customerId}`,
    timestamp: "2026-01-01T00:00:00Z",
    data: {
      orderId: "o1",
      customerId,
      items: [{ sku: "A", quantity: 2, unitPrice: { amount: "1.50", currency: "GBP" } }],
      total: { amount: "3.00", currency: "GBP" },
      shippingAddress: { country: "France" },
      paymentMethod: { type: "card", cardId: "card-1" },
    },
  });
  const at = { topic: "business.orders.created", partition: 0, offset: 7n };
  return {
    id: "business.orders.created/0/7",
    at,
    order: at.offset,
    timestamp: 1,
    key: customerId,
    value: encodeEvent(event),
    headers: decodeHeaders(noHeaders),
  };
}
