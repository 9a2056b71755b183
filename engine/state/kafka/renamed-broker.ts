import { BrokerError } from "#broker/broker-error.ts";
import type { Broker, Commit, FetchedBatch, GroupSpec, Position, RecordBatch, TopicSpec } from "#broker/broker.ts";

/**
 * The same broker, whose topics and groups bear other names: suites that use fixed names can share one cluster. `prefix` stands before every name
 * and is taken off what comes back.
 */
export function renamedBroker(broker: Broker, prefix: string): Broker {
  const there = <T extends { readonly topic: string }>(place: T): T => ({ ...place, topic: prefix + place.topic });
  const here = <T extends { readonly topic: string }>(place: T): T => ({ ...place, topic: place.topic.slice(prefix.length) });
  const named = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      const { code, message, retryable, at, cause } = error;
      const said = at === undefined ? message : message.slice(0, -` at ${at}`.length);
      throw new BrokerError(code, said.replaceAll(prefix, ""), {
        retryable,
        cause,
        ...(at === undefined ? {} : { at: at.replaceAll(prefix, "") }),
      });
    }
  };
  const tasksThere = (tasks: GroupSpec["tasks"]): GroupSpec["tasks"] =>
    tasks.map(({ task, inputs }) => ({ task, inputs: inputs.map(there) }));
  const commitThere = (commit: Commit): Commit => ({
    ...commit,
    group: prefix + commit.group,
    tasks: commit.tasks.map((task) => ({ ...task, next: task.next.map(there), outputs: task.outputs.map(there) })),
    watermarks: commit.watermarks.map(there),
  });
  return {
    ensureTopics: (specs: readonly TopicSpec[]) => named(broker.ensureTopics(specs.map((spec) => ({ ...spec, name: prefix + spec.name })))),
    append: async (batches: readonly RecordBatch[]) =>
      (await named(broker.append(batches.map(there)))).map((result) =>
        result.kind === "appended" ? { ...result, at: here(result.at) } : result,
      ),
    join: (spec, hooks) => named(broker.join({ ...spec, group: prefix + spec.group, tasks: tasksThere(spec.tasks) }, hooks)),
    fetch: async (positions: readonly Position[], limits) =>
      (await named(broker.fetch(positions.map(there), limits))).map((batch: FetchedBatch) => here(batch)),
    committed: async (group, tasks, signal) =>
      (await named(broker.committed(prefix + group, tasks, signal))).map((checkpoint) => ({
        ...checkpoint,
        next: checkpoint.next.map(here),
      })),
    commit: async (commit) => {
      const result = await named(broker.commit(commitThere(commit)));
      return result.kind === "committed" ? { ...result, written: result.written.map(here) } : result;
    },
    close: () => broker.close(),
  };
}
