import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "#schemas/testing/seeded-random.ts";
import { readCommitted } from "#engine/broker/kafka/proving/independent-readers.ts";
import { parseClusterUrl } from "@millrace/engine";
import { startCluster } from "../../infra/kafka/cluster.ts";
import { Fleet } from "./fleet.ts";
import { LogWatch } from "./log-watch.ts";
import { SmokeProducer } from "./producer.ts";
import { type RoundName, rounds } from "./rounds/deck.ts";
import type { Stage } from "./rounds/round.ts";
import { SmallDisk } from "./small-disk.ts";
import { SmokeGenerator } from "./smoke/generator.ts";
import { judge, type SeenRecord } from "./smoke/judge.ts";
import { numberCodec } from "./smoke/number-codec.ts";
import { smokePlan, topicOf } from "./smoke/plan.ts";
import { tasksOf } from "./state-dump.ts";
import { judgeState } from "./state-judge.ts";
import { until } from "./until.ts";

export type TortureOptions = {
  readonly nodes: 1 | 3;
  readonly workers: number;
  /** Names of rounds, in the order in which they come. */
  readonly deck: readonly RoundName[];
  readonly recordsPerSecond: number;
  readonly seed: number;
  /** After so long no further round begins. */
  readonly minutes: number;
  readonly say: (line: string) => void;
};

export type TortureReport = {
  /** What is wrong, in words; empty when nothing is. */
  readonly broken: readonly string[];
  readonly lines: readonly string[];
  /** Where logs, local files and brokers' data lie. */
  readonly folder: string;
};

const partitions = 4;
const groupPartitions = 3;
const sessionTimeoutMs = 6000;
const transactionTimeoutMs = 8000;
const startDeadlineMs = 90_000;
/** From the end of a round until all that was sent by then is committed: a session, a transaction's timeout, a restore, a broker that comes back. */
const settleDeadlineMs = 120_000;
const restMs = 4000;

export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { nodes, workers, deck, recordsPerSecond, seed, minutes, say: tell } = options;
  const folder = mkdtempSync(join(tmpdir(), "millrace-torture-kafka-"));
  mkdirSync(join(folder, "workers"));
  const begun = performance.now();
  const say = (line: string): void => tell(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const closing: (() => Promise<unknown>)[] = [];
  const broken: string[] = [];
  const lines: string[] = [];
  try {
    const cluster = await startCluster({ nodes, dataFolder: join(folder, "kafka"), fresh: true, say });
    closing.push(() => cluster.stop());
    say(`Kafka of ${nodes} node${nodes === 1 ? "" : "s"} at ${cluster.bootstrap}`);
    const url = `kafka://${cluster.bootstrap}`;
    const direct = parseClusterUrl(url, {});
    const smoke = { name: "smoke", partitions, groupPartitions, tickMs: 250 };
    const plan = smokePlan(smoke);
    const random = seededRandom(seed);
    const fleet = new Fleet({
      folder: join(folder, "workers"),
      brokers: direct.bootstrap,
      tasks: tasksOf(plan).length,
      settings: {
        url,
        smoke,
        replication: nodes,
        minIsr: nodes === 3 ? 2 : 1,
        sessionTimeoutMs,
        transactionTimeoutMs,
        commitMs: 50,
      },
    });
    closing.push(() => fleet.close());
    const disk = new SmallDisk(join(folder, "small-disk"));
    closing.push(async () => disk.close(join(folder, "workers")));
    for (let i = 1; i <= workers; i++)
      fleet.start(await fleet.slot(`w${i}`, { proxied: i % 2 === 1, ...(i === 1 ? { disk: disk.folder } : {}) }));
    await until("the workers own all tasks", { deadlineMs: startDeadlineMs, check: () => fleet.check() }, () => fleet.whole);
    say(`${workers} workers have ${tasksOf(plan).length} tasks`);

    const generator = new SmokeGenerator({ seed, valuesPerKey: 100, keysAtOnce: 40, stepMs: 5, partitions });
    const producer = new SmokeProducer({ cluster: direct, topic: topicOf(plan.name, "data"), partitions, generator, recordsPerSecond });
    closing.push(() => producer.close());
    const watch = new LogWatch(direct, plan);
    closing.push(() => watch.close());
    producer.start();
    const check = (): void => {
      fleet.check();
      producer.check();
    };
    const settling = { deadlineMs: settleDeadlineMs, check };
    const smallDisk = { member: "w1", disk };
    const stage: Stage = { cluster, fleet, producer, watch, random, sessionTimeoutMs, transactionTimeoutMs, smallDisk };
    for (const [i, name] of deck.entries()) {
      if (performance.now() - begun > minutes * 60_000) {
        say(`${minutes} minutes are over after ${i} rounds`);
        break;
      }
      say(`round ${i + 1} of ${deck.length}: ${name}`);
      const seen = await rounds[name](stage);
      await until("the workers own all tasks again", settling, () => fleet.whole);
      await watch.caughtUp(settling);
      say(`  ${seen}; settled, ${producer.acknowledged.length} records sent`);
    }

    await producer.finish();
    say(`${producer.acknowledged.length} records of ${generator.keys} keys are acknowledged`);
    await watch.caughtUp(settling);
    await watch.quiet(restMs, settling);
    fleet.check();
    await Promise.all(fleet.running.map((slot) => fleet.stop(slot, startDeadlineMs)));
    say("the workers have stopped");
    const verdict = await judge({
      acknowledged: producer.acknowledged,
      read: async (what) => (await readCommitted(cluster.bootstrap, topicOf(plan.name, what))).map(seenOf),
    });
    broken.push(...verdict.broken);
    lines.push(
      `read by others: ${Object.entries(verdict.counts)
        .map(([what, count]) => `${what} ${count}`)
        .join(", ")}`,
    );
    const kept = [...fleet.slots.values()].flatMap((slot) =>
      slot.dumpFile === undefined ? [] : [{ member: slot.member, stateFile: fleet.stateFile(slot), dumpFile: slot.dumpFile }],
    );
    const state = await judgeState({ plan, cluster: direct, folder, kept });
    broken.push(...state.broken);
    lines.push(`${state.entries} entries of ${state.tasks} tasks compared: changelog, local files, memory`);
  } catch (error) {
    broken.push(textOf(error));
  } finally {
    for (const close of closing.toReversed()) await close().catch((error: unknown) => broken.push(textOf(error)));
  }
  return { broken, lines, folder };
}

function seenOf({ key, value }: { readonly key: Buffer | null; readonly value: Buffer | null }): SeenRecord {
  return { key: key?.toString() ?? null, value: value === null ? null : numberCodec.decode(value) };
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\n  because: ${textOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

export const dropFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });
