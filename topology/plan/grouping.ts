import type { Part } from "../streams/part.ts";

/** Parts that run in the same tasks, with the topics that these read. */
export type Group = { readonly id: string; readonly parts: readonly Part[]; readonly topics: readonly string[] };

/**
 * Sub-topologies: parts that hand values to each other, or read one topic, run together. A group is named by the first of its sources in the order
 * of names, a change of key by its node: so its name depends on what it reads, and not on where that stands in the file. [Y14]
 */
export function groupParts(parts: readonly Part[], nameOf: (topic: string) => string): readonly Group[] {
  const leader = new Map<string, string>();
  const find = (name: string): string => {
    const above = leader.get(name) ?? name;
    if (above === name) return name;
    const top = find(above);
    leader.set(name, top);
    return top;
  };
  for (const part of parts) {
    for (const { origins } of part.inputs.values()) {
      for (const origin of origins) leader.set(find(part.id), find(origin.kind === "topic" ? `topic ${origin.topic}` : origin.part));
    }
  }
  const groups = new Map<string, { parts: Part[]; topics: Set<string> }>();
  for (const part of parts) {
    const name = find(part.id);
    const group = groups.get(name) ?? { parts: [], topics: new Set() };
    groups.set(name, group);
    group.parts.push(part);
    for (const { origins } of part.inputs.values())
      for (const origin of origins) if (origin.kind === "topic") group.topics.add(origin.topic);
  }
  return [...groups.values()]
    .map((group) => ({ id: [...group.topics].map(nameOf).sort()[0]!, parts: group.parts, topics: [...group.topics].sort() }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
