import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BrokerError } from "#broker/broker-error.ts";
import { type GroupSpec, type StoreDelta, taskId, type TaskId } from "#broker/broker.ts";
import { clusterSettings, uniqueName } from "#broker/kafka/proving/kafka-test.ts";
import { type KafkaLog, openKafka } from "#state/local/open-kafka.ts";
import type { StateGround } from "#state/state-harness.ts";
import type { StateStorage, TaskStateLimits } from "#state/task-state.ts";
import { quickTimeouts } from "./quick-timeouts.ts";

/** What is left of the local copy when the process starts again: all of it, nothing, or what it was a few commits before. */
export type LocalCopyFate = "kept" | "lost" | "behind";

const input = "in";
/** The tasks that the suite opens. */
const tasks: readonly TaskId[] = [taskId("orders", 3), taskId("orders", 4), taskId("random", 0)];
/** A copy that falls behind is this old at the most. */
const copiedEvery = 5;
const fileEnds = ["", "-wal"] as const;

/** State on the tests' cluster: a member of a group of its own commits through it, and restarts with what fate left of its file. */
export async function openKafkaGround(limits: Partial<TaskStateLimits>, fate: LocalCopyFate): Promise<StateGround> {
  const ground = new KafkaGround(limits, fate);
  await ground.open();
  return ground;
}

class KafkaGround implements StateGround {
  private readonly limits: Partial<TaskStateLimits>;
  private readonly fate: LocalCopyFate;
  private readonly folder = mkdtempSync(join(tmpdir(), "millrace-kafka-state-"));
  private readonly spec: GroupSpec;
  private readonly numbers = new Map<TaskId, bigint>();
  private log!: KafkaLog;
  private generation = 0;
  private commits = 0;

  constructor(limits: Partial<TaskStateLimits>, fate: LocalCopyFate) {
    this.limits = limits;
    this.fate = fate;
    const group = uniqueName("state");
    this.spec = {
      group,
      member: "worker",
      tasks: tasks.map((task, partition) => ({ task, inputs: [{ topic: `${group}.${input}`, partition }] })),
    };
  }

  get storage(): StateStorage {
    return this.log.storage;
  }

  async open(): Promise<void> {
    this.log = openKafka({
      cluster: clusterSettings(),
      stateFile: this.file,
      limits: this.limits,
      // What was lost comes back in bulk, as much would; what is behind, by its tail.
      ...(this.fate === "lost" ? { restore: { tailRecords: 0 } } : {}),
      topics: { replication: 1, minIsr: 1 },
      ...quickTimeouts,
    });
    const { broker } = this.log;
    await broker.ensureTopics([{ name: `${this.spec.group}.${input}`, partitions: tasks.length, retention: { kind: "forever" } }]);
    await broker.join(this.spec, {
      assigned: async (_tasks, generation) => void (this.generation = generation),
      revoking: () => Promise.resolve(),
      lost: () => Promise.resolve(),
      ended: () => undefined,
    });
    for (const { task, number } of await broker.committed(this.spec.group, tasks)) this.numbers.set(task, number);
  }

  async commit(task: TaskId, number: bigint, changes: readonly StoreDelta[]): Promise<void> {
    // The suite may pass over numbers, a broker takes them one after the other.
    for (let next = this.numbers.get(task)! + 1n; next < number; next++) await this.send(task, next, []);
    if (this.commits++ % copiedEvery === 0) for (const end of fileEnds) copyFileSync(this.file + end, this.copy + end);
    try {
      await this.send(task, number, changes);
    } catch (error) {
      // What is no delta never comes to a changelog; the local file may hold it nevertheless.
      if (!(error instanceof BrokerError) || error.code !== "BROKER_CORRUPT") throw error;
      const file = new DatabaseSync(this.file);
      for (const { store, bytes } of changes) file.prepare("INSERT INTO deltas VALUES (?, ?, ?, ?)").run(task, number, store, bytes);
      file.close();
    }
  }

  async restart(): Promise<void> {
    await this.log.close();
    if (this.fate !== "kept") for (const end of [...fileEnds, ".rows"]) rmSync(this.file + end, { recursive: true, force: true });
    // Before the first commit there is no copy yet.
    if (this.fate === "behind" && this.commits > 0) for (const end of fileEnds) copyFileSync(this.copy + end, this.file + end);
    await this.open();
  }

  async close(): Promise<void> {
    await this.log.close();
    rmSync(this.folder, { recursive: true });
  }

  private async send(task: TaskId, number: bigint, changes: readonly StoreDelta[]): Promise<void> {
    const next = this.spec.tasks.find((each) => each.task === task)!.inputs.map((place) => ({ ...place, offset: number }));
    const result = await this.log.broker.commit({
      group: this.spec.group,
      generation: this.generation,
      tasks: [{ task, number, next, meta: Buffer.from(`meta ${number}`), changes, outputs: [] }],
      watermarks: [],
    });
    if (result.kind !== "committed") throw new Error(`commit ${number} of ${task} was ${result.kind}: ${result.reason}`);
    this.numbers.set(task, number);
  }

  private get file(): string {
    return join(this.folder, "state.db");
  }

  private get copy(): string {
    return join(this.folder, "copy.db");
  }
}
