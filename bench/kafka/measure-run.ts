import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { committedOffsets } from "../../engine/broker/kafka/admin/committed-offsets.ts";
import { listOffsets } from "../../engine/broker/kafka/admin/offsets.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import type { Sums } from "./inputs/expected.ts";
import { partitions } from "./inputs/generate.ts";
import type { JobSpec } from "./jobs/jobs.ts";
import { busySeconds, cpuSecondsOf, peakRssMb, threadSecondsOf } from "./process-stat.ts";
import { createTopics, deleteTopics } from "./topics.ts";
import { verify } from "./verify.ts";

/** An engine under measurement, as a process that runs until it is killed. */
export type Contender = {
  readonly name: string;
  /** Starts it on a job; `group` is the one whose committed offsets tell how far it is, `name` unique. */
  start(run: { readonly name: string; readonly topics: JobSpec["topics"] }): { readonly child: ChildProcess; readonly group: string };
};

export type Run = {
  readonly engine: string;
  readonly job: string;
  readonly input: number;
  readonly ok: boolean;
  readonly wrongKeys: number;
  readonly outputs: number;
  /** Input over the time from the first to the last append of outputs. */
  readonly recordsPerSecond: number;
  readonly recordsPerCpuSecond: number;
  /** The same without Java's compiler threads. */
  readonly recordsPerCpuSecondCompiled: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakRssMb: number;
  readonly brokerCpuSeconds: number;
  /** What neither engine nor broker nor this process has worked: others on the machine. */
  readonly foreignCpuSeconds: number;
};

const mostSeconds = 300;

/** Runs an engine over an input from its beginning until its offsets are committed at the end, kills it and compares what it wrote. */
export async function measureRun(
  contender: Contender,
  { topics, input, variant }: JobSpec,
  {
    client,
    brokerPid,
    job,
    expected,
  }: { readonly client: KafkaClient; readonly brokerPid: number; readonly job: string; readonly expected: Sums },
): Promise<Run> {
  const name = `bench-run-${job.replace(":", "-")}-${Date.now().toString(36)}`;
  await deleteTopics(client, (topic) => topic === topics.output || topic.startsWith("bench-run-"));
  await createTopics(client, [topics.output], { partitions, settings: { "message.timestamp.type": "LogAppendTime" } });
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic: topics.input, partition }));
  const ends = await listOffsets(client, at, { at: { kind: "stable-end" } });
  const records = Number(ends.reduce((sum, { offset }) => sum + offset, 0n));
  const before = { broker: cpuSecondsOf(brokerPid), own: process.cpuUsage(), busy: busySeconds(), at: performance.now() };
  const { child, group } = contender.start({ name, topics });
  const ended = new Promise<void>((settle) => child.once("exit", () => settle()));
  let last = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (last = `${last}${String(data)}`.slice(-4000)));
  try {
    for (;;) {
      await sleep(100);
      const committed = await committedOffsets(client, group, { partitions: at, forMs: 5000 }).catch(() => []);
      if (committed.length > 0 && committed.every(({ offset }, i) => (offset ?? 0n) >= ends[i]!.offset)) break;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${contender.name} ended by itself: ${last}`);
      if (performance.now() - before.at > mostSeconds * 1000) throw new Error(`${contender.name} is not done in ${mostSeconds} s: ${last}`);
    }
    const pid = child.pid!;
    const cpuSeconds = cpuSecondsOf(pid);
    const compilers = threadSecondsOf(pid, /^C[12] Compiler/);
    const brokerCpuSeconds = cpuSecondsOf(brokerPid) - before.broker;
    const own = process.cpuUsage(before.own);
    const peak = peakRssMb(pid);
    const foreign = busySeconds() - before.busy - cpuSeconds - brokerCpuSeconds - (own.user + own.system) / 1e6;
    const wallSeconds = (performance.now() - before.at) / 1000;
    child.kill("SIGKILL");
    await ended;
    const { ok, wrongKeys, outputs, firstAppend, lastAppend } = await verify(client, topics.output, {
      kind: input,
      final: variant === "F",
      expected,
    });
    return {
      engine: contender.name,
      job,
      input: records,
      ok,
      wrongKeys,
      outputs,
      recordsPerSecond: Math.round(records / ((lastAppend - firstAppend) / 1000)),
      recordsPerCpuSecond: Math.round(records / cpuSeconds),
      recordsPerCpuSecondCompiled: Math.round(records / (cpuSeconds - compilers)),
      cpuSeconds,
      wallSeconds,
      peakRssMb: peak,
      brokerCpuSeconds,
      foreignCpuSeconds: Math.max(0, foreign),
    };
  } finally {
    child.kill("SIGKILL");
  }
}
