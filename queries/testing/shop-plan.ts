import {
  aggregateByKey,
  aggregateByWindow,
  chainNode,
  deadLetterTopicOf,
  encodeTuple,
  flatMapRecord,
  keyValueStore,
  mapValue,
  repartitionTopicOf,
  timestamped,
  upsert,
  windowStore,
  type Codec,
  type KeyValueStore,
  type Plan,
  type SinkPlan,
  type Timestamped,
  type WindowStore,
} from "@millrace/engine";
import { formatAmount } from "#schemas/money.ts";
import { formatTimestamp } from "#schemas/timestamp.ts";
import type { QueryColumn, QueryPlan } from "#topology/plan/query-plan.ts";

export type ShopOrder = {
  readonly id: string;
  readonly lines: readonly { readonly sku: string; readonly units: number; /** 1/10,000. */ readonly revenue: number }[];
};
type Line = { readonly orderId: string; readonly sku: string; readonly units: number; readonly revenue: number };
type Sum = { readonly units: number; readonly revenue: number; readonly orders: readonly string[] };

export const minuteMs = 60_000;
export const graceMs = 30_000;

/**
 * Orders by customer → lines by sku: sums a sku, sums a sku and minute → by minute: the best three skus of each, and sums a minute. The last two lie
 * behind two repartitions. Sums name the orders in them, so that a test sees whether one is there.
 */
export function shopPlan(partitions: number, retainMs = 1e12): Plan {
  const lines = repartitionTopicOf("shop", "lines");
  const minutes = repartitionTopicOf("shop", "minutes");
  const forever = { kind: "forever" } as const;
  return {
    name: "shop",
    topics: [
      { name: "orders", partitions, retention: forever },
      { name: "other", partitions: 1, retention: forever },
      { name: deadLetterTopicOf("orders"), partitions, retention: forever },
      ...[lines, minutes].flatMap((name): Plan["topics"] => [
        { name, partitions, retention: { kind: "consumed" } },
        { name: deadLetterTopicOf(name), partitions, retention: forever },
      ]),
    ],
    subTopologies: [
      {
        id: "orders",
        partitions,
        sources: [{ topic: "orders", decode: json.decode, to: [{ node: "lines", port: "in" }], upstream: [] }],
        nodes: [{ id: "lines", processor: linesOfOrders, outputs: { out: { to: [], sinks: ["lines"] } } }],
        sinks: [sink("lines", lines, partitions)],
      },
      {
        id: "lines",
        partitions,
        sources: [
          {
            topic: lines,
            decode: json.decode,
            to: [
              { node: "sales-by-sku", port: "in" },
              { node: "sales-per-minute", port: "in" },
            ],
            upstream: ["orders"],
          },
        ],
        nodes: [
          { id: "sales-by-sku", processor: sumsByKey, outputs: {} },
          { id: "sales-per-minute", processor: sumsByMinute(retainMs), outputs: { out: { to: [], sinks: ["minutes"] } } },
        ],
        sinks: [sink("minutes", minutes, partitions, (start) => String(start))],
      },
      {
        id: "minutes",
        partitions,
        sources: [
          {
            topic: minutes,
            decode: json.decode,
            to: [
              { node: "top-per-minute", port: "in" },
              { node: "orders-per-minute", port: "in" },
            ],
            upstream: ["lines"],
          },
        ],
        nodes: [
          { id: "top-per-minute", processor: bestByMinute, outputs: {} },
          { id: "orders-per-minute", processor: ordersByMinute, outputs: {} },
        ],
        sinks: [],
      },
    ],
  };
}

const windowColumns: readonly QueryColumn[] = [
  { name: "window_start", type: "timestamp", nullable: false },
  { name: "window_end", type: "timestamp", nullable: false },
];
const sku: QueryColumn = { name: "sku", type: "string", nullable: false };
const units: QueryColumn = { name: "units", type: "int", nullable: false };
const revenue: QueryColumn = { name: "revenue", type: "decimal", nullable: false, unit: "currency" };
const orders: QueryColumn = { name: "orders", type: "json", nullable: false };

const windowOf = (start: number): Record<string, string> => ({
  window_start: formatTimestamp(start),
  window_end: formatTimestamp(start + minuteMs),
});

/** The queries of the plan, written by hand as the compiler would plan them. */
export const shopQueries: readonly QueryPlan[] = [
  {
    name: "sales-by-sku",
    subTopology: "lines",
    node: "sales-by-sku",
    store: "sums",
    kind: "key-value",
    columns: [sku, units, revenue],
    keyColumns: ["sku"],
    window: undefined,
    rowOf: ({ key, value }) => ({ sku: key, ...shown((value as Timestamped<Sum>).value) }),
    keyOf: (texts) => texts["sku"],
    rank: undefined,
  },
  {
    name: "sales-per-minute",
    subTopology: "lines",
    node: "sales-per-minute",
    store: "sums",
    kind: "window",
    columns: [sku, ...windowColumns, units, revenue],
    keyColumns: ["sku"],
    window: { sizeMs: minuteMs, graceMs, retainMs: 1e12 },
    rowOf: ({ key, value, windowStart }) => ({ sku: key, ...windowOf(windowStart!), ...shown((value as Timestamped<Sum>).value) }),
    keyOf: (texts) => texts["sku"],
    rank: undefined,
  },
  {
    name: "top-per-minute",
    subTopology: "minutes",
    node: "top-per-minute",
    store: "best",
    kind: "top",
    columns: [...windowColumns, { name: "rank", type: "int", nullable: false }, sku, units, revenue],
    keyColumns: [],
    window: undefined,
    rowOf: ({ value }, rank) => {
      const { start, sku: of, ...sum } = value as Candidate;
      return { ...windowOf(start), rank, sku: of, ...shown(sum) };
    },
    keyOf: () => undefined,
    rank: {
      limit: 3,
      groupOf: ({ value }) => String((value as Candidate).start),
      compare: (a, b) => {
        const [x, y] = [a.value as Candidate, b.value as Candidate];
        return y.revenue - x.revenue || (x.sku < y.sku ? -1 : 1);
      },
      leastGroup: undefined,
    },
  },
  {
    name: "orders-per-minute",
    subTopology: "minutes",
    node: "orders-per-minute",
    store: "orders",
    kind: "key-value",
    columns: [...windowColumns, orders],
    keyColumns: [],
    window: undefined,
    rowOf: ({ key, value }) => ({ ...windowOf(Number(key)), orders: (value as Timestamped<readonly string[]>).value }),
    keyOf: () => undefined,
    rank: undefined,
  },
];

const shown = ({ units: sold, revenue: amount }: Pick<Sum, "units" | "revenue">): Record<string, unknown> => ({
  units: sold,
  revenue: formatAmount(BigInt(amount)),
});

type Step = ReturnType<Parameters<typeof chainNode>[2]>[number];

const json: Codec<unknown> & { decode(bytes: Uint8Array | null): unknown } = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => (bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString()) as unknown)),
};

const linesOfOrders = chainNode("lines", {}, () => [
  flatMapRecord<ShopOrder, Line>(({ id, lines }) =>
    lines.map((line) => ({ key: line.sku, value: { orderId: id, sku: line.sku, units: line.units, revenue: line.revenue } })),
  ) as Step,
]);

const summing = {
  init: (): Sum => ({ units: 0, revenue: 0, orders: [] }),
  add: (sum: Sum, line: Line | null): Sum => ({
    units: sum.units + line!.units,
    revenue: sum.revenue + line!.revenue,
    orders: [...sum.orders, line!.orderId],
  }),
};

const sumsByKey = chainNode("sums", { sums: keyValueStore(timestamped(json as Codec<Sum>)) }, ({ sums }) => [
  aggregateByKey<Line, Sum>(sums as KeyValueStore<Timestamped<Sum>>, summing) as Step,
]);

const sumsByMinute = (retainMs: number): ReturnType<typeof chainNode> =>
  chainNode("sums", { sums: windowStore(timestamped(json as Codec<Sum>)) }, ({ sums }) => [
    aggregateByWindow<Line, Sum>(
      sums as WindowStore<Timestamped<Sum>>,
      { sizeMs: minuteMs, graceMs, emit: "update", retainMs },
      summing,
    ) as Step,
  ]);

type Candidate = Sum & { readonly sku: string; readonly start: number };

const bestByMinute = chainNode("best", { best: keyValueStore(json as Codec<Candidate>) }, ({ best }) => [
  upsert<Candidate>(best as KeyValueStore<Candidate>, (value, group) => encodeTuple([group!, value.sku])) as Step,
]);

const ordersByMinute = chainNode("orders", { orders: keyValueStore(timestamped(json as Codec<readonly string[]>)) }, ({ orders: seen }) => [
  mapValue<Candidate, string>((sum) => sum.orders.at(-1)!) as Step,
  aggregateByKey<string, readonly string[]>(seen as KeyValueStore<Timestamped<readonly string[]>>, {
    init: () => [],
    add: (ids, id) => (ids.includes(id) ? ids : [...ids, id].toSorted()),
  }) as Step,
]);

function sink(id: string, topic: string, partitions: number, keyOf?: (windowStart: number) => string): SinkPlan {
  return {
    id,
    topic,
    partitions,
    kind: "repartition",
    key: (_value, record) => (keyOf === undefined ? record.key : keyOf(record.windowStart)),
    encode: (value, { windowStart, key }) => json.encode(windowStart < 0 ? value : { ...(value as Sum), start: windowStart, sku: key }),
  };
}
