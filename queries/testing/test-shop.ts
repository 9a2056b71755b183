import {
  embeddedStateStorage,
  noHeaders,
  noWorkerEvents,
  openEmbeddedBroker,
  partitionOf,
  RecordBatchBuilder,
  Worker,
  type EmbeddedBroker,
  type Position,
  type WorkerOptions,
} from "@millrace/engine";
import type { Hono } from "hono";
import { createAnswerer } from "../answer-query.ts";
import { catalogueOf } from "../catalogue.ts";
import { createQueries, type QueriesOptions } from "../queries.ts";
import type { QueryAnswerer } from "../query-request.ts";
import type { SliceLimits } from "../slice.ts";
import { type ShopOrder, shopPlan, shopQueries } from "./shop-plan.ts";

export type PostedOrder = ShopOrder & { readonly customer: string; readonly timestamp: number };

export type TestShop = {
  readonly worker: Worker;
  readonly broker: EmbeddedBroker;
  readonly answerer: QueryAnswerer;
  readonly app: Hono;
  /** Appends orders; answers where each lies, as the gateway's tokens would. */
  post(orders: readonly PostedOrder[]): Promise<readonly Position[]>;
  /** Settles when every query shows the orders at these positions. */
  shown(positions: readonly Position[]): Promise<void>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  close(): Promise<void>;
};

export type TestShopOptions = {
  readonly partitions?: number;
  readonly worker?: Partial<WorkerOptions>;
  readonly slice?: Partial<SliceLimits>;
  readonly queries?: Partial<QueriesOptions>;
  /** Stands between the worker and its log, to delay commits. */
  readonly wrap?: (broker: EmbeddedBroker) => WorkerOptions["broker"];
};

/** A worker on a log in memory, with the routes of its queries; nothing in between. */
export async function openTestShop({
  partitions = 3,
  worker: more = {},
  slice = {},
  queries = {},
  wrap,
}: TestShopOptions = {}): Promise<TestShop> {
  const broker = openEmbeddedBroker({ path: ":memory:" });
  const plan = shopPlan(partitions);
  const worker = new Worker({
    plan,
    broker: wrap === undefined ? broker : wrap(broker),
    storage: embeddedStateStorage(broker.database),
    member: "worker",
    clock: Date.now,
    events: noWorkerEvents,
    commitMs: 1,
    idleMs: 60_000,
    ...more,
  });
  await worker.start();
  const answerer = createAnswerer({ worker, plan, queries: shopQueries, slice: { ms: 1e9, ...slice } });
  const app = createQueries({ catalogue: catalogueOf(shopQueries, plan), answerer, ...queries });
  let sequence = 0;
  return {
    worker,
    broker,
    answerer,
    app,
    async post(orders) {
      const positions: Position[] = [];
      for (const { customer, timestamp, ...order } of orders) {
        const partition = partitionOf(customer, partitions);
        const builder = new RecordBatchBuilder();
        builder.append({ timestamp, sequence: ++sequence, key: customer, value: Buffer.from(JSON.stringify(order)), headers: noHeaders });
        const [result] = await broker.append([{ topic: "orders", partition, kind: "records", ...builder.take()! }]);
        if (result?.kind !== "appended") throw new Error(`not appended: ${result?.reason}`);
        positions.push(result.at);
      }
      return positions;
    },
    shown: (positions) => worker.after("minutes", positions).done,
    get: async (path, headers = {}) => app.request(path, { headers }),
    async close() {
      await worker.stop();
      await broker.close();
    },
  };
}
