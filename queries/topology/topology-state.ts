import { type NodeCounts, splitTaskId, type TaskId, type WorkerSnapshot } from "@millrace/engine";
import { formatTimestamp, maxTimestamp } from "#schemas/timestamp.ts";

/** What became of the records of a node since its state began; `takenOut`: those that it threw out, which count as never entered. */
export type NodeState = NodeCounts & { readonly takenOut: number };

/** How far the tasks of a sub-topology are behind in a topic: records over all partitions, and the longest wait of one, ms. */
export type InputState = {
  readonly subTopology: string;
  readonly topic: string;
  readonly partitions: number;
  readonly records: number;
  readonly ms: number;
  /** Records found out before any node. */
  readonly deadLettered: number;
};

export type SubTopologyState = {
  readonly id: string;
  /** Those that the answering process has. */
  readonly tasks: number;
  readonly stopped: readonly string[];
  /** Greatest event time that was read, RFC 3339; null before the first record. */
  readonly streamTime: string | null;
  /** How far the watermark that is the most behind is behind its task's stream time. */
  readonly watermarkLagMs: number;
};

/** The topology as it runs at one moment: totals, of which rates are differences, and how far behind it is. */
export type TopologyState = {
  readonly at: string;
  /** Tasks of other processes are not in it. */
  readonly of: "process";
  readonly nodes: Readonly<Record<string, NodeState>>;
  readonly inputs: readonly InputState[];
  readonly subTopologies: readonly SubTopologyState[];
};

/** The sum over workers, of which each task has at most one. [TV3] */
export function stateOf(snapshots: readonly WorkerSnapshot[], nowMs: number): TopologyState {
  const nodes: Record<string, NodeState> = {};
  const inputs = new Map<string, InputState>();
  const subs = new Map<string, SubTopologyState & { readonly streamTimeMs: number }>();
  for (const snapshot of snapshots) {
    const before = new Map(Object.entries(snapshot.undecodable));
    for (const { node, takenOut: byTopic, ...counts } of snapshot.nodes) {
      for (const [topic, count] of Object.entries(byTopic)) before.set(topic, (before.get(topic) ?? 0) - count);
      const takenOut = Object.values(byTopic).reduce((sum, count) => sum + count, 0);
      nodes[node] = nodes[node] === undefined ? { ...counts, takenOut } : sumOf(nodes[node], { ...counts, takenOut });
    }
    for (const { task, topic, records, ms } of snapshot.inputs) {
      const { subTopology } = splitTaskId(task);
      const name = `${subTopology} ${topic}`;
      const before = inputs.get(name) ?? { subTopology, topic, partitions: 0, records: 0, ms: 0, deadLettered: 0 };
      const partitions = before.partitions + 1;
      inputs.set(name, { ...before, partitions, records: before.records + records, ms: Math.max(before.ms, Math.round(ms)) });
    }
    for (const [topic, count] of before) {
      const [name, input] = [...inputs].find(([, one]) => one.topic === topic) ?? [];
      if (input !== undefined) inputs.set(name!, { ...input, deadLettered: input.deadLettered + count });
    }
    for (const { task, stopped, streamTime, watermarkLagMs } of snapshot.tasks) {
      const id = subTopologyOf(task);
      const before = subs.get(id) ?? { id, tasks: 0, stopped: [], streamTime: null, streamTimeMs: -1, watermarkLagMs: 0 };
      subs.set(id, {
        ...before,
        tasks: before.tasks + 1,
        stopped: stopped ? [...before.stopped, task] : before.stopped,
        streamTimeMs: Math.max(before.streamTimeMs, streamTime),
        watermarkLagMs: Math.max(before.watermarkLagMs, watermarkLagMs),
      });
    }
  }
  return {
    at: formatTimestamp(nowMs),
    of: "process",
    nodes,
    inputs: [...inputs.values()],
    subTopologies: [...subs.values()].map(({ streamTimeMs, ...sub }) => ({
      ...sub,
      // A record's time may lie behind the last that can be written.
      streamTime: streamTimeMs < 0 ? null : formatTimestamp(Math.min(streamTimeMs, maxTimestamp)),
    })),
  };
}

const subTopologyOf = (task: TaskId): string => splitTaskId(task).subTopology;

function sumOf(a: NodeState, b: NodeState): NodeState {
  return {
    in: a.in + b.in,
    emitted: a.emitted + b.emitted,
    folded: a.folded + b.folded,
    deadLettered: a.deadLettered + b.deadLettered,
    out: a.out + b.out,
    takenOut: a.takenOut + b.takenOut,
    dropped: sumByReason(a.dropped, b.dropped),
    missed: sumByReason(a.missed, b.missed),
  };
}

function sumByReason(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const sum: Record<string, number> = { ...a };
  for (const [reason, count] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}
