import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import {
  groupOf,
  noKafkaEvents,
  noWorkerEvents,
  openKafka,
  Worker,
  type ClusterSettings,
  type KafkaEvents,
  type KafkaLog,
  type KafkaLogOptions,
  type Plan,
  type WorkerEvents,
  type WorkerOptions,
} from "@millrace/engine";
import { readCommitted } from "#engine/broker/kafka/proving/independent-readers.ts";
import { bootstrapText, clusterSettings, seed, uniqueName } from "#engine/broker/kafka/proving/kafka-test.ts";
import { LogWatch } from "../log-watch.ts";
import { SmokeProducer } from "../producer.ts";
import { SmokeGenerator } from "../smoke/generator.ts";
import { judge } from "../smoke/judge.ts";
import { numberCodec } from "../smoke/number-codec.ts";
import { smokePlan, type SmokeOptions, topicOf } from "../smoke/plan.ts";
import { dumpOf, type StateDump } from "../state-dump.ts";
import { judgeState } from "../state-judge.ts";

const settleMs = 60_000;
/** A session and a transaction that end soon, so that take-overs need not be waited for long. */
const quick = { sessionTimeoutMs: 2000, rebalanceTimeoutMs: 10_000, transactionTimeoutMs: 4000 } as const;

export type ScenarioOptions = {
  readonly partitions?: number;
  readonly keys?: number;
  readonly valuesPerKey?: number;
  readonly recordsPerSecond?: number;
  readonly tickMs?: number;
};

export type WorkerMore = {
  readonly stateFile?: string;
  readonly plan?: Plan;
  readonly events?: Partial<WorkerEvents>;
  readonly kafkaEvents?: Partial<KafkaEvents>;
  readonly worker?: Partial<WorkerOptions>;
  readonly log?: Partial<KafkaLogOptions>;
};

/** A worker in this process. */
export type RunningWorker = {
  readonly member: string;
  readonly stateFile: string;
  readonly worker: Worker;
  readonly log: KafkaLog;
  /** Commits, leaves, and keeps what it had in memory for the judgement. */
  stop(): Promise<void>;
  /** Lets go of everything without a word to the group. */
  abandon(): Promise<void>;
};

/** The smoke pipeline under names of its own on the tests' cluster, with its input and its judgement. */
export class Scenario {
  readonly smoke: SmokeOptions;
  readonly plan: Plan;
  readonly folder: string;
  readonly cluster: ClusterSettings;
  readonly generator: SmokeGenerator;
  readonly producer: SmokeProducer;
  readonly watch: LogWatch;
  readonly #records: number;
  readonly #kept = new Map<string, { readonly member: string; readonly stateFile: string; readonly dumpFile: string }>();

  private constructor({ partitions = 2, keys = 20, valuesPerKey = 30, recordsPerSecond = 500, tickMs = 200 }: ScenarioOptions) {
    this.smoke = { name: uniqueName("smoke"), partitions, groupPartitions: 2, tickMs };
    this.plan = smokePlan(this.smoke);
    this.folder = mkdtempSync(join(tmpdir(), "millrace-scenario-"));
    this.cluster = clusterSettings();
    this.generator = new SmokeGenerator({ seed, valuesPerKey, keysAtOnce: 10, mostKeys: keys, stepMs: 20, partitions });
    this.#records = keys * valuesPerKey;
    const topic = topicOf(this.plan.name, "data");
    this.producer = new SmokeProducer({ cluster: this.cluster, topic, partitions, generator: this.generator, recordsPerSecond });
    this.watch = new LogWatch(this.cluster, this.plan);
  }

  /** With its topics, until the test ends. */
  static async open(options: ScenarioOptions = {}): Promise<Scenario> {
    const scenario = new Scenario(options);
    onTestFinished(async () => {
      await Promise.all([scenario.producer.close(), scenario.watch.close()]);
      rmSync(scenario.folder, { recursive: true, force: true });
    });
    const log = scenario.#open("topics", {});
    await log.broker.ensureTopics(scenario.plan.topics);
    await log.close();
    return scenario;
  }

  get group(): string {
    return groupOf(this.plan.name);
  }

  stateFile(name: string): string {
    return join(this.folder, `${name}.db`);
  }

  /** Ready when it is returned. It is let go of when the test ends, if it was not stopped. */
  async start(member: string, more: WorkerMore = {}): Promise<RunningWorker> {
    const running = this.open(member, more);
    await running.worker.start();
    running.worker.ended.catch(() => undefined);
    return running;
  }

  /** Not started yet. */
  open(member: string, more: WorkerMore = {}): RunningWorker {
    const { plan = this.plan, stateFile = this.stateFile(member) } = more;
    const log = this.#open(stateFile, more);
    const { broker, storage } = log;
    const events = { ...noWorkerEvents, ...more.events };
    const worker = new Worker({
      plan,
      broker,
      storage,
      member,
      clock: Date.now,
      events,
      commitMs: 20,
      idleMs: 500,
      pipeline: true,
      ...more.worker,
    });
    let over: Promise<void> | undefined;
    const abandon = async (): Promise<void> => {
      await (over ??= log.close());
      await worker.stop().catch(() => undefined);
    };
    const stop = async (): Promise<void> => {
      const asked = worker.read((stores) => dumpOf(this.plan, stores));
      await worker.stop();
      const dumpFile = join(this.folder, `${member}-${this.#kept.size}.json`);
      writeFileSync(dumpFile, JSON.stringify(await asked));
      this.#kept.set(stateFile, { member, stateFile, dumpFile });
      await (over ??= log.close());
    };
    onTestFinished(abandon);
    return { member, stateFile, worker, log, stop, abandon };
  }

  /** Everything is sent, flushed, and has come through. */
  async finish(): Promise<void> {
    await this.producer.finish();
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.watch.caughtUp({ deadlineMs: settleMs });
    await this.watch.quiet(1500, { deadlineMs: settleMs });
  }

  /** What a worker that was stopped had in memory. */
  dumpOf({ stateFile }: RunningWorker): StateDump {
    return JSON.parse(readFileSync(this.#kept.get(stateFile)!.dumpFile, "utf8")) as StateDump;
  }

  /** The closed-form answers, read by a consumer that is none of ours. */
  async judge(acknowledged = this.producer.acknowledged): Promise<void> {
    const { broken, counts } = await judge({
      acknowledged,
      read: async (what) =>
        (await readCommitted(bootstrapText(), topicOf(this.plan.name, what))).map(({ key, value }) => ({
          key: key?.toString() ?? null,
          value: value === null ? null : numberCodec.decode(value),
        })),
    });
    expect(broken).toEqual([]);
    expect(counts["echo"]).toBe(this.#records);
  }

  /** The state from the changelog alone, the files and the memory of those who were stopped: one and the same. */
  async judgeState(): Promise<void> {
    const { broken, entries } = await judgeState({
      plan: this.plan,
      cluster: this.cluster,
      folder: this.folder,
      kept: [...this.#kept.values()],
    });
    expect(broken).toEqual([]);
    expect(entries).toBeGreaterThan(0);
  }

  #open(stateFile: string, { kafkaEvents, log }: WorkerMore): KafkaLog {
    return openKafka({
      cluster: this.cluster,
      stateFile: stateFile === "topics" ? ":memory:" : stateFile,
      topics: { replication: 1, minIsr: 1 },
      events: { ...noKafkaEvents, ...kafkaEvents },
      ...quick,
      ...log,
    });
  }
}
