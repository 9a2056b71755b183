import { type Plan, storeIdOf } from "@millrace/engine";
import type { Elaboration } from "../check/elaboration.ts";
import type { Origin } from "../streams/stream.ts";
import { formatDuration } from "../parse/duration.ts";
import type { Group } from "./grouping.ts";
import { type Hops, mostHops } from "./hops.ts";
import type { QueryPlan } from "./query-plan.ts";

type Described = {
  readonly groups: readonly Group[];
  readonly partitionsOf: (topicOrGroup: string) => number;
  readonly plan: Plan;
  readonly queries: readonly QueryPlan[];
  readonly hops: readonly Hops[];
};

/** The plan in words, for whoever edits the file: what runs together, what is read, kept and written, and how many commits lie on each path. */
export function describeTopology(elaboration: Elaboration, { groups, partitionsOf, plan, queries, hops }: Described): string {
  const lines = [
    `topology ${plan.name}: ${groups.length} sub-topologies, ${elaboration.parts.length} nodes, ${plan.topics.length} topics, ${queries.length} queries`,
  ];
  for (const group of groups) {
    lines.push("", `sub-topology ${group.id}, ${partitionsOf(group.id)} partitions`);
    for (const topic of group.topics) lines.push(`  reads ${topic}`);
    for (const part of group.parts) {
      const from = [...part.inputs]
        .map(([port, { origins }]) => `${port === "in" ? "" : `${port}: `}${origins.map(originText).join(" + ")}`)
        .join(", ");
      lines.push(`  ${part.id} ← ${from}`);
      for (const step of part.does) lines.push(`    ${step}`);
      const node = plan.subTopologies.find(({ id }) => id === group.id)!.nodes.find(({ id }) => id === part.id)!;
      for (const [name, { kind }] of Object.entries(node.processor.stores)) lines.push(`    keeps ${storeIdOf(part.id, name)} (${kind})`);
      for (const { output, topic } of part.sinks)
        lines.push(`    writes ${topic}${node.processor.outputs.length > 1 ? ` (${output})` : ""}`);
    }
  }
  lines.push("", "topics");
  for (const { name, partitions, retention } of plan.topics) {
    const kept =
      retention.kind === "time"
        ? `kept ${formatDuration(retention.ms)}`
        : retention.kind === "forever"
          ? "kept for ever"
          : "kept until read";
    lines.push(`  ${name}, ${partitions} partitions, ${kept}`);
  }
  lines.push("", "queries");
  for (const { name, columns } of queries) lines.push(`  ${name}: ${columns.map((column) => column.name).join(", ")}`);
  if (elaboration.deliveries.length > 0) lines.push("", "sinks");
  for (const { name, kind, topic, does, variables } of elaboration.deliveries) {
    lines.push(`  ${name} (${kind}) ← ${topic}`, ...does.map((step) => `    ${step}`));
    const names = new Set(variables.map((variable) => variable.name));
    if (names.size > 0) lines.push(`    needs ${[...names].join(", ")} from the environment`);
  }
  lines.push("", `hops: a hop is a commit; at most ${mostHops} on a critical path`);
  for (const { node, hops: count } of hops) lines.push(`  ${node}: ${count}`);
  return `${lines.join("\n")}\n`;
}

const originText = (origin: Origin): string =>
  origin.kind === "topic" ? origin.topic : origin.output === "out" ? origin.part : `${origin.part}.${origin.output}`;
