import { partitionOf } from "#broker/partitioner.ts";
import type { OpenStores } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import type { TaskState } from "#state/task-state.ts";
import { NodeRuntime, type NodeHost } from "./node-runtime.ts";
import type { Outputs } from "./outputs.ts";
import type { NodePlan, SinkPlan, SourcePlan, SubTopologyPlan, Target } from "./plan.ts";

export type Push = (value: unknown) => void;

/** The id under which a store of a node is known in its task. */
export const storeIdOf = (node: string, store: string): string => `${node}.${store}`;

/** Builds all nodes of one task, wires them to each other and to their sinks, and answers what each source pushes into. */
export function buildPipeline(
  plan: SubTopologyPlan,
  { host, state, outputs }: { host: NodeHost; state: TaskState; outputs: Outputs },
): readonly (readonly Push[])[] {
  const runtimes = new Map(plan.nodes.map((node) => [node.id, new NodeRuntime(node, host)]));
  const pushOf = ({ node, port }: Target): Push => {
    const runtime = runtimes.get(node);
    if (runtime === undefined) throw new Error(`the plan of ${plan.id} has no node ${node}`);
    return runtime.port(port);
  };
  const sinks = new Map(plan.sinks.map((sink) => [sink.id, sink]));
  for (const node of plan.nodes) {
    const runtime = runtimes.get(node.id)!;
    runtime.build(node, openStores(node, state), (output) => {
      const { to = [], sinks: sinkIds = [] } = node.outputs[output] ?? {};
      const pushes = to.map(pushOf);
      const writes = sinkIds.map((id) => sinkOf(sinks.get(id)!, runtime, { host, outputs }));
      return { push: fanOut([...pushes, ...writes]), targets: pushes.length + writes.length };
    });
  }
  return plan.sources.map((source) => source.to.map(pushOf));
}

/** What is redriven for one node is pushed into that node alone. @throws {RecordError} `unknown-node` where it reads the source no more */
export function pushesFor(node: string | undefined, { topic, to }: SourcePlan, pushes: readonly Push[]): readonly Push[] {
  if (node === undefined) return pushes;
  const its = pushes.filter((_, i) => to[i]!.node === node);
  if (its.length === 0) throw new RecordError("unknown-node", `redriven for ${node}, which does not read ${topic}`);
  return its;
}

function fanOut(pushes: readonly Push[]): Push {
  const [first, second] = pushes;
  if (first === undefined) return () => undefined;
  if (second === undefined) return first;
  return (value) => {
    for (const push of pushes) push(value);
  };
}

function openStores(node: NodePlan, state: TaskState): OpenStores {
  return Object.fromEntries(
    Object.entries(node.processor.stores).map(([name, spec]) => {
      const id = storeIdOf(node.id, name);
      return [name, spec.kind === "window" ? state.window(id) : state.keyValue(id)];
    }),
  );
}

function sinkOf(sink: SinkPlan, runtime: NodeRuntime, { host, outputs }: { host: NodeHost; outputs: Outputs }): Push {
  const { record } = host;
  const topic = outputs.of(sink.topic);
  return (value) => {
    const key = sink.key(value, record);
    if (key === null && sink.kind === "repartition") return runtime.lose("null-key");
    const encoded = sink.encode(value, record);
    const partition = key === null ? host.partition % sink.partitions : partitionOf(key, sink.partitions);
    topic.append(partition, { timestamp: record.timestamp, sequence: record.sequence, key, value: encoded, headers: record.headers });
  };
}
