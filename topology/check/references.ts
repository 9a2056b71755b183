import { didYouMean, nearest } from "../did-you-mean.ts";
import type { NodeSyntax, Text, TopologySyntax } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";

/** What a `from:` names. */
export type Reference =
  | { readonly kind: "node"; readonly node: string; readonly output: string | undefined }
  | { readonly kind: "topic"; readonly topic: string };

export const sourcesOf = ({ from }: NodeSyntax): readonly Text[] =>
  from.kind === "merge" ? from.refs : [...from.ports.values()].flatMap(({ refs }) => refs);

const targetsOf = ({ to }: NodeSyntax): readonly string[] =>
  to === undefined ? [] : to.kind === "one" ? [to.topic.text] : [...to.ports.values()].map(({ topic }) => topic.text);

export type ReferenceTable = {
  readonly find: (name: string) => Reference | undefined;
  /** Reports what cannot be found, with what was probably meant. */
  readonly resolve: (text: Text, report: Report) => Reference | undefined;
  /** Nodes that must be checked before a node: those it reads, and those that write a topic whose records only they know. */
  readonly before: (
    node: NodeSyntax,
    isKnownTopic: (topic: string) => boolean,
  ) => readonly { readonly node: NodeSyntax; readonly by: Text }[];
};

/** Resolves names: a node's id, `node.output`, or a topic, in this order. [Y2] */
export function referenceTable(syntax: TopologySyntax, topics: { has(name: string): boolean; keys(): Iterable<string> }): ReferenceTable {
  const nodes = new Map(syntax.nodes.map((node) => [node.id, node]));
  const written = new Set(syntax.nodes.flatMap(targetsOf));
  const find = (name: string): Reference | undefined => {
    if (nodes.has(name)) return { kind: "node", node: name, output: undefined };
    const dot = name.indexOf(".");
    if (dot > 0 && nodes.has(name.slice(0, dot))) return { kind: "node", node: name.slice(0, dot), output: name.slice(dot + 1) };
    return topics.has(name) || written.has(name) ? { kind: "topic", topic: name } : undefined;
  };
  return {
    find,
    resolve: (text: Text, report: Report): Reference | undefined => {
      const found = find(text.text);
      if (found !== undefined) return found;
      const names = [...nodes.keys(), ...topics.keys(), ...written];
      const [best] = nearest(text.text, names);
      const isTopic = best === undefined ? /^(business|analytics|audit)\./.test(text.text) : topics.has(best) || written.has(best);
      const hint = best === undefined ? didYouMean(text.text, isTopic ? topics.keys() : nodes.keys()) : `; did you mean "${best}"?`;
      if (isTopic) report("TOPOLOGY_UNKNOWN_TOPIC", text.place, `there is no topic "${text.text}"${hint}`);
      else report("TOPOLOGY_UNKNOWN_NODE", text.place, `there is no node "${text.text}"${hint}`);
      return undefined;
    },
    before: (node: NodeSyntax, isKnownTopic: (topic: string) => boolean): readonly { readonly node: NodeSyntax; readonly by: Text }[] =>
      sourcesOf(node).flatMap((by) => {
        const reference = find(by.text);
        if (reference?.kind === "node") return [{ node: nodes.get(reference.node)!, by }];
        if (reference?.kind !== "topic" || isKnownTopic(reference.topic)) return [];
        return syntax.nodes.filter((other) => targetsOf(other).includes(reference.topic)).map((other) => ({ node: other, by }));
      }),
  };
}

type Before = (node: NodeSyntax) => readonly { readonly node: NodeSyntax; readonly by: Text }[];

/** Every node behind those it reads from, else in the order of the file; a cycle is reported and cut where it closes. */
export function inOrder(nodes: readonly NodeSyntax[], before: Before, report: Report): readonly NodeSyntax[] {
  const ordered: NodeSyntax[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: NodeSyntax): void => {
    if (done.has(node.id)) return;
    path.push(node.id);
    for (const { node: earlier, by } of before(node)) {
      const at = path.indexOf(earlier.id);
      if (at < 0) visit(earlier);
      else
        report(
          "TOPOLOGY_CYCLE",
          by.place,
          `a node cannot read what comes of it: ${[...path.slice(at), earlier.id].toReversed().join(" → ")}`,
        );
    }
    path.pop();
    done.add(node.id);
    ordered.push(node);
  };
  for (const node of nodes) visit(node);
  return ordered;
}
