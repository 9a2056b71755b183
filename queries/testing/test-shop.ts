import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import {
  earliest,
  embeddedStateStorage,
  noHeaders,
  noWorkerEvents,
  openEmbeddedBroker,
  partitionOf,
  RecordBatchBuilder,
  taskId,
  Worker,
  type EmbeddedBroker,
  type Plan,
  type Position,
  type ReadableTask,
  type WorkerOptions,
} from "@millrace/engine";
import type { Hono } from "hono";
import { createAnswerer } from "../answer-query.ts";
import { catalogueOf } from "../catalogue.ts";
import { createShareAnswerer } from "../cluster/answer-share.ts";
import { ClusterAnswerer } from "../cluster/cluster-answerer.ts";
import { ClusterStreams } from "../cluster/cluster-streams.ts";
import { type Across, shownAcross } from "../cluster/shown-across.ts";
import { connectQueries, serveQueries } from "../port.ts";
import { createQueries, type QueriesOptions } from "../queries.ts";
import type { QueryAnswerer } from "../query-request.ts";
import type { SliceLimits } from "../slice.ts";
import { createStreamAnswerer, type StreamAnswererOptions } from "../stream/answer-stream.ts";
import { allTasks } from "../task-reader.ts";
import { Streams, type StreamsOptions } from "../stream/streams.ts";
import { type ShopOrder, shopPlan, shopQueries } from "./shop-plan.ts";

export type PostedOrder = ShopOrder & { readonly customer: string; readonly timestamp: number };

export type TestShop = {
  readonly worker: Worker;
  readonly broker: EmbeddedBroker;
  readonly answerer: QueryAnswerer;
  readonly app: Hono;
  readonly streams: Streams;
  /** Appends orders; answers where each lies, as the gateway's tokens would. */
  post(orders: readonly PostedOrder[]): Promise<readonly Position[]>;
  /** Settles when every query shows the orders at these positions. */
  shown(positions: readonly Position[]): Promise<void>;
  /** Settles when, after all that was posted is shown, the marks that follow the last records have passed too: nothing moves any more. */
  settled(): Promise<void>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** One of several workers gives its tasks to the others; the first stays. */
  leave(worker: number): Promise<void>;
  close(): Promise<void>;
};

export type TestShopOptions = {
  readonly partitions?: number;
  /** Above one, each has its own share of the tasks, and questions are answered across them. */
  readonly workers?: number;
  readonly worker?: Partial<WorkerOptions>;
  readonly slice?: Partial<SliceLimits>;
  readonly queries?: Partial<QueriesOptions>;
  readonly streams?: Partial<StreamsOptions>;
  readonly feed?: StreamAnswererOptions["feed"];
  /** The file of the log; in memory without it. */
  readonly path?: string;
  /** How long closed windows of `sales-per-minute` are kept. */
  readonly retainMs?: number;
  /** Stands between the worker and its log, to delay commits. */
  readonly wrap?: (broker: EmbeddedBroker) => WorkerOptions["broker"];
};

/** A worker on a log in memory, with the routes of its queries; nothing in between. */
export async function openTestShop({
  partitions = 3,
  workers: count = 1,
  worker: more = {},
  slice = {},
  queries = {},
  streams: streaming = {},
  feed = {},
  path = ":memory:",
  retainMs,
  wrap,
}: TestShopOptions = {}): Promise<TestShop> {
  const broker = openEmbeddedBroker({ path });
  const plan = shopPlan(partitions, retainMs);
  const workers = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const worker = new Worker({
        plan,
        broker: wrap === undefined ? broker : wrap(broker),
        storage: embeddedStateStorage(broker.database),
        member: `worker-${n}`,
        clock: Date.now,
        events: noWorkerEvents,
        commitMs: 1,
        idleMs: 60_000,
        ...more,
      });
      await worker.start();
      return worker;
    }),
  );
  const worker = workers[0]!;
  const limits = { ms: 1e9, ...slice };
  const across: Across = { plan, ownerOf: ownersAmong(workers, { slice: limits, feed }), ends: (asked) => endsOf(broker, asked) };
  const answerer =
    count === 1
      ? createAnswerer({ worker, plan, queries: shopQueries, slice: limits })
      : new ClusterAnswerer({ ...across, queries: shopQueries });
  const { port1, port2 } = new MessageChannel();
  const streamAnswerer =
    count === 1
      ? createStreamAnswerer({
          worker,
          onTasks: allTasks(worker, plan),
          queries: shopQueries,
          log: broker.identity,
          slice: limits,
          feed,
        })
      : new ClusterStreams({ ...across, queries: shopQueries, log: broker.identity });
  const serving = serveQueries(answerer, port1, streamAnswerer);
  const streams = new Streams({ answerer: connectQueries(port2), ...streaming });
  const app = createQueries({ catalogue: catalogueOf(shopQueries, plan), answerer, streams, ...queries });
  const here = [...workers];
  let sequence = 0;
  return {
    worker,
    broker,
    answerer,
    app,
    streams,
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
    shown: async (positions) => void (await shownAcross(across, { target: "minutes", after: positions }, new AbortController().signal)),
    async settled() {
      const deadline = Date.now() + 30_000;
      while (!(await isSettled(plan, here))) {
        if (Date.now() > deadline) throw new Error("marks are still on their way after 30 s");
        await sleep(10);
      }
    },
    get: async (path, headers = {}) => app.request(path, { headers }),
    async leave(n) {
      await here.splice(here.indexOf(workers[n]!), 1)[0]!.stop();
    },
    async close() {
      serving.close();
      await Promise.all(here.map((each) => each.stop()));
      await broker.close();
    },
  };
}

/** Whether each task has come as far as its own records and the tasks upstream let it. */
async function isSettled({ subTopologies }: Plan, workers: readonly Worker[]): Promise<boolean> {
  let upstream = Infinity;
  for (const { id, partitions } of subTopologies) {
    const read = await Promise.all(workers.map((worker) => worker.read((stores) => stores.tasks(id).map(timesOf))));
    const tasks = read.flat();
    if (tasks.length < partitions) return false;
    if (tasks.some(({ reached, streamTime }) => reached < Math.min(streamTime, upstream))) return false;
    upstream = Math.min(...tasks.map(({ reached }) => reached));
  }
  return true;
}

const timesOf = ({ streamTime, watermark }: ReadableTask): { readonly streamTime: number; readonly reached: number } => ({
  streamTime,
  reached: Math.min(streamTime, watermark),
});

/** Whoever has a task open, or is about to. */
function ownersAmong(
  workers: readonly Worker[],
  limits: { readonly slice: Partial<SliceLimits>; readonly feed: NonNullable<StreamAnswererOptions["feed"]> },
): Across["ownerOf"] {
  const owners = workers.map((worker, n) => ({
    worker,
    owner: { name: `worker-${n}`, ask: createShareAnswerer({ member: `worker-${n}`, worker, queries: shopQueries, ...limits }) },
  }));
  return (subTopology, partition) => {
    const task = taskId(subTopology, partition);
    return owners.find(({ worker }) => worker.ownedTasks.has(task) || worker.openingTasks.includes(task))?.owner;
  };
}

async function endsOf(broker: EmbeddedBroker, asked: readonly Omit<Position, "offset">[]): Promise<readonly Position[]> {
  const from = asked.map((partition) => ({ ...partition, offset: earliest }));
  const found = await broker.fetch(from, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
  return asked.map(({ topic, partition }) => {
    const { end } = found.find((batch) => batch.topic === topic && batch.partition === partition)!;
    return { topic, partition, offset: end };
  });
}
