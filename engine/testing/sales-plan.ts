import type { OperatorFunction } from "rxjs";
import type { Codec } from "#state/codec.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { flatMapRecord, mapValue } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { aggregateByWindow, type WindowSpec } from "#operators/window-aggregate.ts";
import { deadLetterTopicOf, repartitionTopicOf, type Plan, type SinkPlan } from "#task/plan.ts";

export type SalesOrder = { readonly id: string; readonly lines: readonly { readonly sku: string; readonly units: number }[] };
type Line = { readonly sku: string; readonly units: number };

/**
 * Orders keyed by customer → lines by sku → units a sku and minute → units a minute over all skus: two repartitions behind each other, so that
 * lateness and read-your-writes can be asked for where they are hardest. For tests and benches of the engine alone.
 */
export function salesPlan(partitions: number, spec: Partial<WindowSpec> = {}): Plan {
  const name = "sales";
  const window: WindowSpec = { sizeMs: 60_000, graceMs: 30_000, emit: "update", retainMs: 1e12, ...spec };
  const lines = repartitionTopicOf(name, "lines");
  const minutes = repartitionTopicOf(name, "minutes");
  return {
    name,
    topics: [
      { name: "orders", partitions, retention: { kind: "forever" } },
      { name: deadLetterTopicOf("orders"), partitions, retention: { kind: "forever" } },
      ...[lines, minutes].flatMap((topic): Plan["topics"] => [
        { name: topic, partitions, retention: { kind: "consumed" } },
        { name: deadLetterTopicOf(topic), partitions, retention: { kind: "forever" } },
      ]),
      { name: "sku-minutes", partitions, retention: { kind: "forever" } },
    ],
    subTopologies: [
      {
        id: "orders",
        partitions,
        sources: [{ topic: "orders", decode: json.decode, to: [{ node: "lines", port: "in" }], upstream: [] }],
        nodes: [
          {
            id: "lines",
            processor: chainNode("lines", {}, () => [
              flatMapRecord<SalesOrder, Line>((order) => order.lines.map((line) => ({ key: line.sku, value: line }))) as Step,
            ]),
            outputs: { out: { to: [], sinks: ["lines"] } },
          },
        ],
        sinks: [sink("lines", lines, partitions)],
      },
      {
        id: "lines",
        partitions,
        sources: [{ topic: lines, decode: json.decode, to: [{ node: "per-sku", port: "in" }], upstream: ["orders"] }],
        nodes: [
          {
            id: "per-sku",
            processor: unitsByWindow(window),
            outputs: { out: { to: [{ node: "keyed", port: "in" }], sinks: ["sku-minutes"] } },
          },
          { id: "keyed", processor: changeOfUnits(), outputs: { out: { to: [], sinks: ["minutes"] } } },
        ],
        sinks: [
          { ...sink("sku-minutes", "sku-minutes", partitions), kind: "topic" },
          sink("minutes", minutes, partitions, (_value, start) => String(start)),
        ],
      },
      {
        id: "minutes",
        partitions,
        sources: [{ topic: minutes, decode: json.decode, to: [{ node: "per-minute", port: "in" }], upstream: ["lines"] }],
        nodes: [{ id: "per-minute", processor: unitsByWindow({ ...window, emit: "update" }), outputs: {} }],
        sinks: [],
      },
    ],
  };
}

type Step = OperatorFunction<never, unknown>;

function sink(id: string, topic: string, partitions: number, keyOf?: (value: unknown, windowStart: number) => string): SinkPlan {
  return {
    id,
    topic,
    partitions,
    kind: "repartition",
    key: (value, record) => (keyOf === undefined ? record.key : keyOf(value, record.windowStart)),
    encode: (value, { windowStart }) => json.encode({ ...(value as object), ...(windowStart < 0 ? {} : { start: windowStart }) }),
  };
}

/** Sums `units`; what it emits also says by how much the sum changed, for the next sum. */
function unitsByWindow(window: WindowSpec): BoundProcessor {
  return chainNode("units", { windows: windowStore(timestamped(json as Codec<Sum>)) }, ({ windows }) => [
    aggregateByWindow<{ units: number; change?: number }, Sum>(windows as WindowStore<Timestamped<Sum>>, window, {
      init: () => ({ units: 0, change: 0 }),
      add: (sum, value) => ({ units: sum.units + (value!.change ?? value!.units), change: value!.change ?? value!.units }),
    }) as Step,
  ]);
}

export type Sum = { readonly units: number; readonly change: number };

const changeOfUnits = (): BoundProcessor => chainNode("change", {}, () => [mapValue<Sum, Sum>((sum) => sum) as Step]);

const json = {
  encode: (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value)),
  decode: (bytes: Uint8Array | null): unknown => (bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString()) as unknown)),
};
