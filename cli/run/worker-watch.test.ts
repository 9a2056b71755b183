import { Writable } from "node:stream";
import { pino } from "pino";
import { expect, test } from "vitest";
import { taskId } from "@millrace/engine";
import { EngineMetrics } from "../engine/engine-metrics.ts";
import { KafkaMetrics } from "./kafka-metrics.ts";
import { WorkerWatch } from "./worker-watch.ts";

function watched(): {
  watch: WorkerWatch;
  lines: Record<string, unknown>[];
  told: number[];
  kafka: KafkaMetrics;
  scrape: () => Promise<string>;
} {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const engine = new EngineMetrics();
  engine.registry.setDefaultLabels({ worker: "w-0" });
  const kafka = new KafkaMetrics(engine.registry);
  const told: number[] = [];
  const watch = new WorkerWatch({
    logger: pino(stream),
    engine,
    kafka,
    rebalanced: (generation) => told.push(generation),
    changed: () => undefined,
  });
  return { watch, lines, told, kafka, scrape: () => engine.registry.metrics() };
}

const [a, b] = [taskId("orders", 0), taskId("orders", 1)];
const noTasks = { ownedTasks: new Map(), openingTasks: [], stoppedTasks: new Map() };

test("[R17] a rebalance is one line that says who got what, from whom and why, and is counted", async () => {
  const { watch, lines, told, scrape } = watched();
  const { kafkaEvents } = watch;
  expect(watch.statusOf(noTasks).rebalancing).toBe("joins");
  kafkaEvents.rebalancing("the group rebalances");
  expect(watch.statusOf(noTasks).rebalancing).toBe("the group rebalances");
  kafkaEvents.rebalanced({
    generation: 7,
    leader: true,
    reason: "the group rebalances",
    gained: [a, b],
    kept: [],
    lost: [],
    counts: new Map([["w-0", 2]]),
    why: "w-1 gone; gained 2: 2 from w-1, 1 with state here (at most 12 behind)",
  });
  expect(watch.statusOf(noTasks).rebalancing).toBeUndefined();
  expect(told).toEqual([7]);
  expect(lines).toEqual([
    expect.objectContaining({
      event: "worker.rebalanced",
      msg: "rebalanced: w-1 gone; gained 2: 2 from w-1, 1 with state here (at most 12 behind)",
      generation: 7,
      gained: "orders/0-1",
      tasksOf: { "w-0": 2 },
    }),
  ]);
  expect(await scrape()).toContain('millrace_rebalances_total{worker="w-0"} 1');
});

test("[R17, R15] a restore says how far it is in the log, in the status and in the metrics, until it has ended or nobody waits for it", async () => {
  const { watch, lines, kafka, scrape } = watched();
  const opening = { ...noTasks, openingTasks: [a, b] };
  watch.kafkaEvents.restoring({ task: a, read: 0n, total: 1000n, ms: 0 });
  watch.kafkaEvents.restoring({ task: a, read: 400n, total: 1000n, ms: 2000 });
  watch.kafkaEvents.restoring({ task: b, read: 0n, total: 0n, ms: 0 });
  const status = watch.statusOf(opening);
  expect(status).toMatchObject({ owned: 2, opening: [a, b], restoring: [{ task: a, remaining: 600, perSecond: 200 }] });
  kafka.show(status);
  const text = await scrape();
  expect(text).toContain('millrace_restore_remaining_records{sub_topology="orders",partition="0",worker="w-0"} 600');
  expect(text).toContain('millrace_restore_records_per_second{sub_topology="orders",partition="0",worker="w-0"} 200');
  expect(text).toContain('millrace_restoring_tasks{worker="w-0"} 2');
  watch.kafkaEvents.restoring({ task: a, read: 1000n, total: 1000n, ms: 5000 });
  expect(watch.statusOf(opening).restoring).toEqual([]);
  expect(lines.map(({ event, read }) => [event, read])).toEqual([
    ["worker.restoring", 0],
    ["worker.restoring", 400],
    ["worker.restored", 1000],
  ]);
  watch.kafkaEvents.restoring({ task: b, read: 1n, total: 5n, ms: 1 });
  expect(watch.statusOf(noTasks).restoring).toEqual([]);
});

test("[R13] that Kafka cannot be read is said at the first failure and then ever less often; that it can again, once", () => {
  const { watch, lines } = watched();
  for (let failed = 1; failed <= 20; failed++) watch.workerEvents.logAway({ error: new Error("away"), failed });
  for (let commits = 0; commits < 3; commits++) watch.workerEvents.committed({ tasks: 1, records: 1, ms: 1 });
  expect(lines.map(({ event, failed }) => [event, failed])).toEqual([
    ...[1, 2, 4, 8, 16].map((failed) => ["worker.log-away", failed]),
    ["worker.log-back", undefined],
  ]);
});

test("[R15] transactions are counted by outcome, with their time", async () => {
  const { watch, scrape } = watched();
  for (const outcome of ["committed", "committed", "aborted"] as const)
    watch.kafkaEvents.transaction({ outcome, ms: 20, partitions: 3, bytes: 100, tries: 1 });
  const text = await scrape();
  expect(text).toContain('millrace_transactions_total{outcome="committed",worker="w-0"} 2');
  expect(text).toContain('millrace_transactions_total{outcome="aborted",worker="w-0"} 1');
  expect(text).toContain('millrace_transactions_total{outcome="fenced",worker="w-0"} 0');
  expect(text).toMatch(/millrace_transaction_duration_seconds_bucket\{le="0.025",worker="w-0",outcome="committed"\} 2/);
  expect(text).toContain('millrace_transaction_bytes_total{worker="w-0"} 300');
});
