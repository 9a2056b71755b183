import { setTimeout as sleep } from "node:timers/promises";
import { type BatchIndex, valueOf } from "@millrace/engine";
import { committedOffsets } from "../../engine/broker/kafka/admin/committed-offsets.ts";
import { listOffsets } from "../../engine/broker/kafka/admin/offsets.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { type Figure, millis, percent, quantile, thousands } from "../figures.ts";
import { loadCore } from "../machine.ts";
import { runPinned } from "../pinned-process.ts";
import { withClient } from "./clients.ts";
import { kafkaStreams, millrace, miniLoop } from "./contenders.ts";
import { partitions } from "./inputs/generate.ts";
import { jobOf, type JobSpec } from "./jobs/jobs.ts";
import type { KafkaBench, KafkaBenchOptions } from "./kafka-bench.ts";
import type { Contender } from "./measure-run.ts";
import type { PacedReport, PacedSettings } from "./paced.ts";
import { cpuSecondsOf } from "./process-stat.ts";
import { readTopic } from "./read-topic.ts";
import { createTopics, deleteTopics, untilTrue } from "./topics.ts";
import { type Trace, traces } from "./tracing.ts";

const targetRate = 10_000;
const targetMs = 100;
/** Seconds of sending before what counts, and of that. Windows of 10 s close 15 s behind their beginning: three times, until what closes them is compiled. */
const durations = { warm: 5, counted: 20 };
const durationsOf: Readonly<Record<string, typeof durations>> = { "count:F": { warm: 50, counted: 40 } };

type Latency = {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly answeredP99: number;
  readonly cpuShare: number;
  readonly records: number;
};

/**
 * Records at a steady pace, at 10 000 a second and at half of what the throughput bench reached: time from the append of an input to that of its output,
 * both by the broker's clock (LogAppendTime). The output is readable a little later: when its transaction has ended.
 */
export const benchLatency: KafkaBench = async (options) =>
  withClient(options.broker.bootstrap, "bench", async (client) => {
    const figures: Figure[] = [];
    for (const job of options.jobs) {
      for (const [contender, isOurs] of contendersOf(job, options)) {
        const peak = options.peaks.get(`${job} ${contender.name}`);
        const half = peak === undefined ? [] : [Math.round(peak / 2)];
        for (const perSecond of [targetRate, ...half]) {
          const latency = await measure(contender, job, { client, perSecond, options });
          options.say(`latency ${job}, ${contender.name}, ${perSecond}/s: ${JSON.stringify(latency)}`);
          figures.push(figureOf(latency, { job, contender, perSecond, isOurs }));
        }
      }
    }
    return figures;
  });

function contendersOf(
  job: string,
  { broker: { bootstrap }, folder, peers, mini }: KafkaBenchOptions,
): readonly (readonly [Contender, boolean])[] {
  const place = { bootstrap, folder };
  const ours = [10, 25, 100].map((ms) => [millrace(job, ms, place), true] as const);
  const streams = peers === undefined ? [] : [[kafkaStreams(job, "eos100", { ...place, peers }), false] as const];
  const loop = mini === undefined ? [] : [[miniLoop(job, 100, { ...place, ...mini, options: ["json=scan"] }), false] as const];
  return [...ours, ...streams, ...loop];
}

type Measuring = { readonly client: KafkaClient; readonly perSecond: number; readonly options: KafkaBenchOptions };

async function measure(contender: Contender, job: string, { client, perSecond, options }: Measuring): Promise<Latency> {
  const { broker, quick } = options;
  const { topics, input } = jobOf(job);
  await deleteTopics(client, (name) => name === topics.input || name === topics.output || name.startsWith("bench-run-"));
  options.inputs.delete(topics.input);
  await createTopics(client, [topics.input, topics.output], { partitions, settings: { "message.timestamp.type": "LogAppendTime" } });
  const name = `bench-run-paced-${Date.now().toString(36)}`;
  const { child, group } = contender.start({ name, topics });
  for (const stream of [child.stdout, child.stderr]) stream?.resume();
  const send = async (seconds: number): Promise<PacedReport> => {
    const settings: PacedSettings = { input, bootstrap: broker.bootstrap, topic: topics.input, perSecond, seconds };
    const report = await runPinned<PacedReport>("kafka/paced.ts", { core: loadCore, args: [JSON.stringify(settings)] });
    await untilTrue(() => isDone(client, group, topics.input), `${contender.name} has done all`, 120_000);
    return report;
  };
  try {
    // It starts, and its code becomes warm.
    const { warm, counted } = durationsOf[job] ?? durations;
    await send(quick ? 1 : warm);
    await sleep(500);
    const before = { cpu: cpuSecondsOf(child.pid!), at: performance.now() };
    const { begunAt, answeredP99 } = await send(quick ? 3 : counted);
    const cpuShare = (cpuSecondsOf(child.pid!) - before.cpu) / ((performance.now() - before.at) / 1000);
    child.kill("SIGKILL");
    const latencies = await latenciesOf(client, topics, { trace: traces[job]!(), begunAt });
    const sorted = latencies.sort();
    const at = (share: number): number => quantile(sorted as unknown as number[], share);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), answeredP99, cpuShare, records: sorted.length };
  } finally {
    child.kill("SIGKILL");
  }
}

async function isDone(client: KafkaClient, group: string, topic: string): Promise<boolean> {
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const ends = await listOffsets(client, at, { at: { kind: "stable-end" } });
  const committed = await committedOffsets(client, group, { partitions: at, forMs: 5000 }).catch(() => []);
  return committed.length > 0 && committed.every(({ offset }, i) => (offset ?? 0n) >= ends[i]!.offset);
}

/** Of outputs that were made by inputs appended from `begunAt` on. */
async function latenciesOf(
  client: KafkaClient,
  topics: JobSpec["topics"],
  { trace, begunAt }: { readonly trace: Trace; readonly begunAt: number },
): Promise<Float64Array> {
  const textOf = (index: BatchIndex, i: number): string => valueOf(index, i)!.toString("latin1");
  await readTopic(client, topics.input, (index, at) => {
    for (let i = 0; i < index.count; i++) trace.input(textOf(index, i), at);
  });
  const latencies: number[] = [];
  await readTopic(client, topics.output, (index, { partition, appendedAtMs }) => {
    for (let i = 0; i < index.count; i++) {
      const from = trace.madeBy(textOf(index, i), partition);
      if (from >= begunAt) latencies.push(appendedAtMs - from);
    }
  });
  return Float64Array.from(latencies);
}

function figureOf(
  { p50, p95, p99, cpuShare }: Latency,
  {
    job,
    contender,
    perSecond,
    isOurs,
  }: { readonly job: string; readonly contender: Contender; readonly perSecond: number; readonly isOurs: boolean },
): Figure {
  const bar = isOurs && perSecond === targetRate && contender.name.includes(" 10 ms");
  return {
    job: `${job}, ${contender.name}, ${thousands(perSecond)} records/s`,
    figure: `append to append ${millis(p50)}/${millis(p95)}/${millis(p99)} (p50/p95/p99), ${percent(cpuShare)} of a core`,
    ...(bar ? { target: `p95 < ${millis(targetMs)}`, reached: p95 < targetMs } : {}),
  };
}
