import type { Plan, TopicSpec } from "@millrace/engine";
import { eventRegistry } from "#schemas/event-registry.ts";

/** Every topic that a process needs: those of the events that the gateway takes, and those of the plan, whose word counts where both name one. */
export function topicsOf(plan: Plan, retention: "default" | "forever"): readonly TopicSpec[] {
  const topics = new Map<string, TopicSpec>();
  for (const { topic, partitions, retentionDays } of eventRegistry)
    topics.set(topic, { name: topic, partitions, retention: { kind: "time", ms: retentionDays * 86_400_000 } });
  for (const spec of plan.topics) topics.set(spec.name, spec);
  return [...topics.values()].map((spec) => kept(spec, retention));
}

/** The plan with its topics kept as long as `retention` says. */
export const planKept = (plan: Plan, retention: "default" | "forever"): Plan => ({
  ...plan,
  topics: plan.topics.map((spec) => kept(spec, retention)),
});

const kept = (spec: TopicSpec, retention: "default" | "forever"): TopicSpec =>
  retention === "forever" && spec.retention.kind === "time" ? { ...spec, retention: { kind: "forever" } } : spec;

/** Replicas of a new topic where nobody says otherwise: what one node may be lost of without losing anything, if there are so many nodes. */
const wantedReplication = 3;

export const replicationOf = ({ replication }: { readonly replication: number | undefined }, nodes: number): number =>
  replication ?? Math.min(wantedReplication, nodes);
