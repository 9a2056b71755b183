import type { ReadableTask } from "@millrace/engine";
import type { AsOf } from "./query-request.ts";

/** What the tasks of a query have read and committed. */
export function asOfTasks(tasks: readonly ReadableTask[]): AsOf {
  const offsets = new Map<string, [partition: string, offset: string][]>();
  let streamTime = -1;
  for (const task of tasks) {
    streamTime = Math.max(streamTime, task.streamTime);
    for (const { topic, partition, offset } of task.positions) {
      // Nothing was read here, and where the log begins is not known yet.
      if (offset < 0n) continue;
      const ofTopic = offsets.get(topic) ?? [];
      ofTopic.push([String(partition), String(offset)]);
      offsets.set(topic, ofTopic);
    }
  }
  return { streamTime, offsets: Object.fromEntries([...offsets].map(([topic, pairs]) => [topic, Object.fromEntries(pairs)])) };
}
