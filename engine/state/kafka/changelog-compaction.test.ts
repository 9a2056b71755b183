import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { listOffsets } from "#broker/kafka/admin/offsets.ts";
import { readEntry } from "#broker/kafka/changelog/changelog-entry.ts";
import { committedRanges } from "#broker/kafka/fetch/committed-ranges.ts";
import { changelogOf } from "#broker/kafka/names.ts";
import { clusterSettings, describeKafka, openClient, uniqueName, until } from "#broker/kafka/proving/kafka-test.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { keyOf, valueOf } from "#broker/record-batch.ts";
import { type KafkaLog, openKafka } from "#state/local/open-kafka.ts";
import { reusingCodec, type Value } from "#state/state-harness.ts";
import { keyValueStore, windowStore } from "#state/store.ts";
import type { TaskState } from "#state/task-state.ts";
import { quickTimeouts } from "./quick-timeouts.ts";

const task = taskId("minutes", 0);
const stores = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };
const minute = 60_000;
const [windows, keys, live] = [60, 50, 3];

describeKafka("a compacted changelog", { timeout: 120_000 }, () => {
  test("[K83] keeps the live rows once windows have expired and Kafka has compacted", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-compaction-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const group = uniqueName("compaction");
    const client = openClient("count");
    const worker = await Worker.open(group, join(folder, "worker.db"));
    for (let window = 0; window < windows; window++) {
      for (let key = 0; key < keys; key++) worker.put(window, key);
      worker.state.window("perMinute").expire((window + 1 - live) * minute);
      await worker.commit();
      worker.state.fold(40);
    }
    const written = await kept(client, group);
    // The cleaner may have begun meanwhile.
    expect(written.rows).toBeGreaterThanOrEqual(live * keys);
    expect(written.rows).toBeLessThanOrEqual(windows * keys);
    // The segment that is being written is never compacted: what is to go must lie behind it, so commits go on.
    const after = await until(
      async () => {
        worker.put(windows - 1, 0);
        await worker.commit();
        const now = await kept(client, group);
        return now.expired === 0 && now.deletes < 50 && now;
      },
      100_000,
      "compaction has taken the rows of expired windows",
    );
    process.stdout.write(
      `changelog after ${windows} windows of ${keys} keys: ${JSON.stringify(written)}, compacted ${JSON.stringify(after)}\n`,
    );
    const before = worker.dump();
    expect(before).toHaveLength(live * keys);
    await worker.log.close();

    const fresh = await Worker.open(group, join(folder, "fresh.db"));
    expect(fresh.dump()).toEqual(before);
    await fresh.log.close();
  });
});

class Worker {
  readonly log: KafkaLog;
  state!: TaskState;
  private readonly group: string;
  private generation = 0;
  private number = 0n;

  private constructor(group: string, stateFile: string) {
    this.group = group;
    this.log = openKafka({
      cluster: clusterSettings(),
      stateFile,
      topics: { replication: 1, minIsr: 1, changelog: { dirtyRatio: 0.01, segmentMs: 500, deleteRetentionMs: 500 } },
      ...quickTimeouts,
    });
  }

  static async open(group: string, stateFile: string): Promise<Worker> {
    const worker = new Worker(group, stateFile);
    const { broker, storage } = worker.log;
    const topic = `${group}.in`;
    await broker.ensureTopics([{ name: topic, partitions: 1, retention: { kind: "forever" } }]);
    await broker.join(
      { group, member: "worker", tasks: [{ task, inputs: [{ topic, partition: 0 }] }] },
      {
        assigned: async (_tasks, generation) => void (worker.generation = generation),
        revoking: () => Promise.resolve(),
        lost: () => Promise.resolve(),
        ended: () => undefined,
      },
    );
    worker.number = (await broker.committed(group, [task]))[0]!.number;
    worker.state = storage.open(task, stores);
    return worker;
  }

  put(window: number, key: number): void {
    this.state.window<Value>("perMinute").put(`key ${key}`, window * minute, { n: window, text: "x".repeat(50) });
  }

  async commit(): Promise<void> {
    const { group, generation, log, state } = this;
    const number = ++this.number;
    const next = [{ topic: `${group}.in`, partition: 0, offset: number }];
    const tasks = [{ task, number, next, meta: Buffer.alloc(500), changes: state.takeChanges(), outputs: [] }];
    expect((await log.broker.commit({ group, generation, tasks, watermarks: [] })).kind).toBe("committed");
    state.committed(number);
  }

  dump(): (readonly [number, string, Value])[] {
    return [...this.state.window<Value>("perMinute").range(0, Infinity)];
  }
}

/** What the changelog has: rows with a value, those of windows that have expired when the last is the newest, deletes, and the rest. */
async function kept(client: KafkaClient, group: string): Promise<{ rows: number; expired: number; deletes: number; others: number }> {
  const place = changelogOf(group, task);
  const [[start], [end]] = await Promise.all([
    listOffsets(client, [place], { at: { kind: "earliest" } }),
    listOffsets(client, [place], { at: { kind: "stable-end" } }),
  ]);
  const found = { rows: 0, expired: 0, deletes: 0, others: 0 };
  await committedRanges(client, [{ ...place, from: start!.offset, to: end!.offset }], {
    each: ({ parts }) => {
      for (const { index } of parts) {
        for (let i = 0; i < index.count; i++) {
          const entry = readEntry(keyOf(index, i), valueOf(index, i), () => "count");
          if (entry?.kind !== "row") found.others += 1;
          else if (entry.value === null) found.deletes += 1;
          else {
            found.rows += 1;
            if (Buffer.from(entry.rowKey).readBigUInt64BE(0) < (windows - live) * minute) found.expired += 1;
          }
        }
      }
    },
  });
  return found;
}
