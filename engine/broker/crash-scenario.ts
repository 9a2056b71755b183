import { type Broker, type Commit, type GroupSpec, taskId } from "./broker.ts";
import { changeOf } from "./change-texts.ts";
import { noHeaders, RecordBatchBuilder } from "./record-batch.ts";

/** What a process does that is killed within its second commit: two tasks, outputs to three partitions, marks behind them, changes, meta. */
export const crashTopic = "test.crash";
export const crashGroup = "crash-group";
export const crashTasks = [taskId("crash", 0), taskId("crash", 1)] as const;
export const crashGroupTasks: GroupSpec["tasks"] = crashTasks.map((task, partition) => ({
  task,
  inputs: [{ topic: crashTopic, partition }],
}));

export async function runCrashScenario(broker: Broker, beforeSecondCommit: () => void): Promise<void> {
  await broker.ensureTopics([{ name: crashTopic, partitions: 3, retention: { kind: "forever" } }]);
  let current = 0;
  await broker.join(
    {
      group: crashGroup,
      member: "victim",
      tasks: crashGroupTasks,
    },
    {
      assigned: async (_tasks, generation) => void (current = generation),
      revoking: () => Promise.resolve(),
      lost: () => Promise.resolve(),
      ended: () => undefined,
    },
  );
  await broker.append([record(0, "appended", "records")]);
  await broker.commit(crashCommit(1n, current));
  beforeSecondCommit();
  await broker.commit(crashCommit(2n, current));
}

/** The same commit again has the same bytes; after a crash its generation is the next member's. */
export function crashCommit(number: bigint, generation: number): Commit {
  return {
    group: crashGroup,
    generation,
    tasks: crashTasks.map((task, i) => ({
      task,
      number,
      next: [{ topic: crashTopic, partition: i, offset: number }],
      meta: Buffer.from(`meta ${number}`),
      changes: [changeOf("store", `change ${number}`)],
      outputs: [0, 1, 2].map((partition) => record(partition, `output ${i} of ${number}`, "records")),
    })),
    watermarks: [record(2, `mark of ${number}`, "watermarks")],
  };
}

function record(partition: number, text: string, kind: "records" | "watermarks") {
  const builder = new RecordBatchBuilder();
  builder.append({ timestamp: 0, sequence: 0, key: null, value: Buffer.from(text), headers: noHeaders });
  return { topic: crashTopic, partition, kind, ...builder.take()! };
}
