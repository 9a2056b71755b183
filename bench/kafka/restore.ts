import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { groupOf, heapFlags } from "@millrace/engine";
import { committedOffsets } from "../../engine/broker/kafka/admin/committed-offsets.ts";
import { listOffsets } from "../../engine/broker/kafka/admin/offsets.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { type Figure, median, millis, percent, spread, thousands } from "../figures.ts";
import { engineCore, loadCore } from "../machine.ts";
import { writeBundle } from "../../bundle/bundle.ts";
import { runPinned, startPinned } from "../pinned-process.ts";
import { withClient } from "./clients.ts";
import type { KafkaBench } from "./kafka-bench.ts";
import { Follower } from "./restore/follow.ts";
import { partitions, topics, writeJob } from "./restore/job.ts";
import { RunProcess, type RunSettings } from "./restore/run-process.ts";
import { cpuSecondsOf } from "./process-stat.ts";
import { deleteTopics, untilTrue } from "./topics.ts";

const keys = 2_000_000;
/** Of changes that come all the time, so that a kill always leaves a transaction open. */
const perSecond = 1000;
/** On a machine that does other things as well. */
const patienceMs = 120_000;
const warmTargetMs = 1000;
const coldTarget = 0.6;

type Read = { readonly records: number; readonly bytes: number; readonly ms: number; readonly cpuMs: number };
type Cold = Read & { readonly found: number; readonly openMs: number; readonly rowsMb: number; readonly maxRssMb: number };

/**
 * J-restore: a changelog of 2 M keys × 100 bytes that `millrace run` has written. Over its local copy, the time from the start of a process to its first
 * new output behind a SIGKILL; then, reading and decoding the changelog beside restoring it whole into an empty folder.
 */
export const benchRestore: KafkaBench = async ({ broker: { bootstrap }, folder, quick, rounds, say }) =>
  withClient(bootstrap, "bench", async (client) => {
    const records = quick ? 300_000 : keys;
    const job = writeJob(folder, `bench-restart-${Date.now().toString(36)}`);
    await deleteTopics(client, isOurs);
    const settings = { job, bootstrap, folder, instance: "one", port: 18_480 };
    const running = await filled(client, settings, { records, say });
    const warm = await restarts(client, running, { settings, records, rounds: Math.max(5, rounds), say });
    const { reads, colds } = await coldRestores(settings, { records, rounds, say });
    await deleteTopics(client, isOurs);
    return [coldFigure(reads, colds, records), warmFigure(warm, records)];
  });

export const isOurs = (topic: string): boolean => Object.values<string>(topics).includes(topic) || topic.startsWith("bench-restart-");

export type Shown = { readonly records: number; readonly say: (line: string) => void };

/** A process that has taken every key once; it and those behind it start as a user's do behind `npm ci`. */
export async function filled(client: KafkaClient, settings: RunSettings, { records, say }: Shown): Promise<RunProcess> {
  const { bootstrap, job, folder, instance } = settings;
  await writeBundle(fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, ""));
  const begun = performance.now();
  const running = new RunProcess(settings);
  await untilTrue(
    async () => {
      running.check();
      return (await client.topic(topics.input, true)) !== undefined && running.msTo("worker.started") > 0;
    },
    "millrace run has made its topics",
    120_000,
  );
  await runPinned("kafka/restore/feed.ts", { core: loadCore, args: [bootstrap, String(records)] });
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic: topics.input, partition }));
  const ends = await listOffsets(client, at, { at: { kind: "stable-end" } });
  await untilTrue(
    async () => {
      running.check();
      const committed = await committedOffsets(client, groupOf(job.name), { partitions: at, forMs: 5000 }).catch(() => []);
      return committed.length > 0 && committed.every(({ offset }, i) => (offset ?? 0n) >= ends[i]!.offset);
    },
    "all keys are taken",
    600_000,
  );
  const mb = statSync(join(folder, instance, `${job.name}-${instance}-0.db`)).size >> 20;
  say(`${thousands(records)} keys were taken in ${((performance.now() - begun) / 1000).toFixed(1)} s; local copy ${mb} MiB`);
  return running;
}

const steps = [
  ["run.loaded", "code loaded"],
  ["run.cluster-reached", "cluster reached"],
  ["run.topics-verified", "topics verified"],
  ["run.listening", "HTTP listens"],
  ["worker.loaded", "worker's code loaded"],
  ["worker.state-opened", "SQLite open"],
  ["worker.joining", "predecessor's transaction ended (InitProducerId)"],
  ["worker.rebalanced", "in the group"],
  ["worker.started", "tail restored, tasks open"],
  ["worker.transaction", "first commit"],
] as const;

export type Phases = { readonly [step: string]: number } & { readonly output: number; readonly cpu: number };

async function restarts(
  client: KafkaClient,
  first: RunProcess,
  { settings, records, rounds, say }: Shown & { readonly settings: RunSettings; readonly rounds: number },
): Promise<readonly Phases[]> {
  const follower = await Follower.start(settings.bootstrap, client);
  const feed = startPinned("kafka/restore/feed.ts", { core: loadCore, args: [settings.bootstrap, String(records), String(perSecond)] });
  const all: Phases[] = [];
  let running = first;
  for (let round = 0; round <= rounds; round++) {
    // It runs for a while, with something to do in every commit.
    const before = follower.arrivals.length;
    await untilTrue(async () => follower.arrivals.length > before + 20, "outputs come", patienceMs);
    await sleep(1000);
    await running.kill();
    // What was committed by then has arrived.
    await sleep(100);
    const arrived = follower.arrivals.length;
    running = new RunProcess(settings);
    await untilTrue(
      async () => {
        running.check();
        return follower.arrivals.length > arrived && running.msTo("worker.transaction") > 0;
      },
      "new outputs come",
      patienceMs,
    );
    const output = follower.arrivals[arrived]!.at - running.spawnedAt;
    const cpu = cpuSecondsOf(running.pid) * 1000;
    const phases = { ...Object.fromEntries(steps.map(([event, name]) => [name, running.msTo(event)])), output, cpu };
    say(`${round === 0 ? "warm-up" : "warm restart"} ${JSON.stringify(phases)}`);
    if (round > 0) all.push(phases);
  }
  feed.kill("SIGKILL");
  await running.kill();
  await follower.stop();
  return all;
}

async function coldRestores(
  { job, bootstrap, folder }: RunSettings,
  { records, rounds, say }: Shown & { readonly rounds: number },
): Promise<{ readonly reads: readonly Read[]; readonly colds: readonly Cold[] }> {
  const reads: Read[] = [];
  const colds: Cold[] = [];
  for (let round = 0; round <= rounds; round++) {
    // Both work in their main thread: what `millrace run` sets for its workers comes by the command line.
    const pinned = { core: engineCore, flags: heapFlags };
    const empty = join(folder, "cold.db");
    const read = await runPinned<Read>("kafka/restore/fetch-and-decode.ts", { ...pinned, args: [bootstrap, job.name] });
    const cold = await runPinned<Cold>("kafka/restore/cold.ts", { ...pinned, args: [bootstrap, job.name, empty, String(records)] });
    for (const end of ["", "-wal", "-shm", ".rows"]) rmSync(empty + end, { recursive: true, force: true });
    say(`${round === 0 ? "warm-up" : "run"}: fetch and decode ${JSON.stringify(read)}, cold restore ${JSON.stringify(cold)}`);
    if (cold.found !== Math.min(1000, records)) throw new Error(`of 1000 keys ${cold.found} were restored`);
    if (round === 0) continue;
    reads.push(read);
    colds.push(cold);
  }
  return { reads, colds };
}

function coldFigure(reads: readonly Read[], colds: readonly Cold[], records: number): Figure {
  const rate = ({ records: read, ms }: Read): number => (read / ms) * 1000;
  const cpu = ({ records: read, cpuMs }: Read): number => (read / cpuMs) * 1000;
  const [wallShare, cpuShare] = [rate, cpu].map((of) => median(colds.map((cold, i) => of(cold) / of(reads[i]!))));
  const size = `${median(colds.map(({ maxRssMb }) => maxRssMb))} MiB of memory, ${median(colds.map(({ rowsMb }) => rowsMb))} MiB on disk`;
  return {
    job: `cold restore, ${thousands(records)} keys × 100 B, ${partitions} partitions`,
    figure: `${spread(colds.map(rate), thousands)} records/s, ${spread(colds.map(cpu), thousands)} per CPU-s; ${size}`,
    peer: `fetch + decode: ${spread(reads.map(rate), thousands)} records/s, ${spread(reads.map(cpu), thousands)} per CPU-s; of it ${percent(wallShare!)}, ${percent(cpuShare!)} by CPU`,
    target: `≥ ${percent(coldTarget)} of its rate`,
    reached: wallShare! >= coldTarget,
  };
}

function warmFigure(warm: readonly Phases[], records: number): Figure {
  const first = warm.map(({ output }) => output);
  // What comes behind the first output may not have come yet.
  const told = [...steps.map(([, name]) => name), "output"].filter((name) => warm.every((phases) => Number.isFinite(phases[name])));
  const parts = told.map((name) => `${name} ${millis(median(warm.map((phases) => phases[name]!)))}`);
  return {
    job: `restart, ${thousands(records)} keys, kill -9, local copy kept`,
    figure: `${spread(first, millis)} from the start of the process to its first new output, ${spread(
      warm.map(({ cpu }) => cpu),
      millis,
    )} of CPU`,
    peer: parts.join(" → "),
    target: `< ${millis(warmTargetMs)}`,
    reached: median(first) < warmTargetMs,
  };
}
