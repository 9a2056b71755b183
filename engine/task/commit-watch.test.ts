import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { splitTaskId, type TaskId } from "#broker/broker.ts";
import { openEmbeddedBroker, type EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { DeltaReader, deltaOps } from "#broker/store-delta.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { salesPlan } from "#testing/sales-plan.ts";
import type { CommitWatcher } from "./commit-watch.ts";
import { storeIdOf } from "./pipeline.ts";
import { noWorkerEvents } from "./worker-events.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { Worker } from "./worker.ts";

const partitions = 3;
const plan = salesPlan(partitions);
const store = storeIdOf("per-sku", "windows");
const folders: string[] = [];
let broker: EmbeddedBroker;
let worker: Worker;
afterEach(async () => {
  await worker.stop();
  await broker.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function start(path = ":memory:", more: Partial<WorkerOptions> = {}): Promise<void> {
  broker = openEmbeddedBroker({ path });
  const storage = embeddedStateStorage(broker.database);
  const events = noWorkerEvents;
  worker = new Worker({ plan, broker, storage, member: "worker", clock: Date.now, events, commitMs: 1, idleMs: 60_000, ...more });
  await worker.start();
}

let posted = 0;
/** Settles when they are committed down to the last task. */
async function post(count: number): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (let i = 0; i < count; i++) {
    const lines = [{ sku: `s${posted % 17}`, units: posted }];
    const value = Buffer.from(JSON.stringify({ id: `o${posted}`, lines }));
    builder.append({ timestamp: posted * 997, sequence: ++posted, key: "c", value, headers: noHeaders });
  }
  const [result] = await broker.append([{ topic: "orders", partition: 0, kind: "records", ...builder.take()! }]);
  if (result?.kind !== "appended") throw new Error("not appended");
  await worker.after("minutes", [{ ...result.at, offset: result.at.offset + BigInt(count - 1) }]).done;
}

/** Puts together what a store is from what it hears. */
class Follower implements CommitWatcher {
  readonly open = new Map<TaskId, bigint>();
  readonly entries = new Map<string, string>();
  readonly heard: string[] = [];

  opened(task: TaskId, number: bigint): void {
    this.heard.push(`opened ${task}`);
    this.open.set(task, number);
  }

  closed(task: TaskId): void {
    this.heard.push(`closed ${task}`);
    if (!this.open.delete(task)) throw new Error(`${task} was not open`);
  }

  committed({ task, number, changes }: Parameters<CommitWatcher["committed"]>[0]): void {
    if (number !== this.open.get(task)! + 1n) throw new Error(`${task}: heard ${number} behind ${this.open.get(task)}`);
    this.open.set(task, number);
    for (const { bytes } of changes.filter((change) => change.store === store)) {
      const reader = new DeltaReader(bytes, (what) => new Error(what));
      while (reader.next()) {
        const name = `${splitTaskId(task).partition} ${reader.start} ${reader.key()}`;
        if (reader.op === deltaOps.put) this.entries.set(name, Buffer.from(reader.value()).toString("hex"));
        else this.entries.delete(name);
      }
    }
  }
}

const codec = plan.subTopologies.flatMap(({ nodes }) => nodes).find(({ id }) => id === "per-sku")!.processor.stores["windows"]!.codec;

const stored = (): Promise<{ readonly entries: Map<string, string>; readonly numbers: Map<string, bigint> }> =>
  worker.read((access) => {
    const tasks = access.tasks("lines");
    const entries = tasks.flatMap(({ partition, state }) =>
      Array.from(
        state.window<unknown>(store).range(0, Infinity),
        ([start, key, value]) => [`${partition} ${start} ${key}`, Buffer.from(codec.encode(value)).toString("hex")] as const,
      ),
    );
    return { entries: new Map(entries), numbers: new Map(tasks.map(({ partition, number }) => [`lines/${partition}`, number])) };
  });

for (const pipeline of [false, true]) {
  test(`[T10] a watcher hears every commit once, in order, with all that it changed; pipeline ${pipeline}`, async () => {
    await start(":memory:", { pipeline, commitRecords: 7 });
    const follower = new Follower();
    worker.watch("lines", follower);
    for (const count of [1, 40, 300]) await post(count);
    const { entries, numbers } = await stored();
    expect(entries.size).toBeGreaterThan(50);
    expect(follower.entries).toEqual(entries);
    expect(follower.open).toEqual(numbers);
  });
}

test("[T10] one who begins in the midst is told where, and hears the next commit; one who has ended hears nothing", async () => {
  await start();
  await post(50);
  const follower = new Follower();
  const end = worker.watch("lines", follower);
  const { numbers } = await stored();
  expect(follower.open).toEqual(numbers);
  await post(50);
  const heard = new Map(follower.open);
  expect([...heard.values()].some((number, i) => number > [...numbers.values()][i]!)).toBe(true);
  end();
  await post(50);
  expect(follower.open).toEqual(heard);
});

test("[T10] when the worker stops, its last commits are heard, then that its tasks are closed", async () => {
  await start();
  const follower = new Follower();
  worker.watch("lines", follower);
  await post(20);
  await worker.stop();
  expect(follower.open.size).toBe(0);
  expect(follower.heard.filter((one) => one.startsWith("closed")).toSorted()).toEqual([
    "closed lines/0",
    "closed lines/1",
    "closed lines/2",
  ]);
});

test("[T10] a commit that the log gave back is not heard; what is done again is", async () => {
  let refuse = 0;
  await start();
  const { broker: log } = { broker };
  const commit = log.commit.bind(log);
  log.commit = (asked) => (refuse-- > 0 ? Promise.resolve({ kind: "aborted", reason: "for a test" }) : commit(asked));
  const follower = new Follower();
  worker.watch("lines", follower);
  refuse = 3;
  await post(100);
  expect(follower.entries).toEqual((await stored()).entries);
});

test("[L21] a log has an identity that stays with its file, and two logs have two", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-identity-"));
  folders.push(folder);
  await start(join(folder, "log.db"));
  const { identity } = broker;
  await worker.stop();
  await broker.close();
  const other = openEmbeddedBroker({ path: ":memory:" });
  expect(identity).toMatch(/^[0-9a-f]{32}$/);
  expect(other.identity).not.toBe(identity);
  await other.close();
  await start(join(folder, "log.db"));
  expect(broker.identity).toBe(identity);
});
