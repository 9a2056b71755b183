import type { Processor } from "@millrace/engine";
import { didYouMean } from "../did-you-mean.ts";
import type { Environment } from "../parse/secrets.ts";
import type { NodeSyntax, Text, TopologySyntax } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import type { Elaboration } from "./elaboration.ts";
import { flowNode } from "./flow-node.ts";
import { inOrder, type Reference, referenceTable, type ReferenceTable, sourcesOf } from "./references.ts";
import { checkSteps } from "./step-rules.ts";
import { brokenStream, mergeStreams, type Stream } from "../streams/stream.ts";
import { checkSinks } from "../delivery/check-sinks.ts";
import { topicCatalogue } from "./topic-catalogue.ts";
import { topicStream } from "./topic-stream.ts";
import { useNode, type Wired } from "./use-node.ts";

export type CheckOptions = {
  readonly processors: readonly Processor[];
  readonly environment: Environment;
  readonly partitions: number | undefined;
};

/** Checks names, types, keys and steps of every node, and drafts what tasks will run. One mistake is reported once: what follows from it is not. */
export function checkTopology(syntax: TopologySyntax, { processors, environment, partitions }: CheckOptions, report: Report): Elaboration {
  const elaboration: Elaboration = {
    topology: syntax.name,
    report,
    processors,
    environment,
    partitions,
    topics: new Map(topicCatalogue(syntax.topics, partitions, report)),
    written: new Map(),
    parts: [],
    repartitions: [],
    queries: [],
    outputs: new Map(),
    deliveries: [],
  };
  const references = referenceTable(syntax, elaboration.topics);
  const isKnownTopic = (topic: string): boolean => elaboration.topics.get(topic)?.holds !== undefined;
  const nodes = inOrder(syntax.nodes, (node) => references.before(node, isKnownTopic), report);
  for (const node of nodes) {
    checkSteps(node, report);
    elaboration.outputs.set(node.id, elaborateNode(node, references, elaboration));
  }
  checkUse(syntax, references, report);
  dropUnread(elaboration);
  elaboration.deliveries.push(...checkSinks(syntax, references, elaboration));
  return elaboration;
}

/** A node with `key` and `to` may have no reader but that of its topic: what it repartitioned would stay in the log for good. */
function dropUnread({ parts, repartitions }: Elaboration): void {
  const read = new Set(
    parts
      .flatMap(({ inputs }) => [...inputs.values()])
      .flatMap(({ origins }) => origins.map((from) => from.kind === "topic" && from.topic)),
  );
  repartitions.splice(0, repartitions.length, ...repartitions.filter(({ topic }) => read.has(topic)));
  for (const [i, part] of parts.entries()) {
    const sinks = part.sinks.filter(({ kind, topic }) => kind !== "repartition" || read.has(topic));
    if (sinks.length < part.sinks.length) parts[i] = { ...part, sinks };
  }
}

function elaborateNode(node: NodeSyntax, references: ReferenceTable, elaboration: Elaboration): ReadonlyMap<string, Stream> {
  const streamOf = (text: Text): Stream => {
    const reference = references.resolve(text, elaboration.report);
    return reference === undefined ? brokenStream : streamAt(reference, text, elaboration);
  };
  const merged = (refs: readonly Text[]): Stream => {
    const stream = mergeStreams(refs.map(streamOf));
    if (stream !== undefined) return stream;
    elaboration.report(
      "TOPOLOGY_WRONG_INPUT",
      refs[1]?.place ?? node.place,
      `records of ${refs.map(({ text }) => `"${text}"`).join(" and ")} have no field in common`,
    );
    return brokenStream;
  };
  if (node.use === undefined) return flowNode(node, merged(sourcesOf(node)), elaboration);
  return useNode(node, wiring(node, { merged, elaboration }), elaboration);
}

/** `from: source` is enough where a processor has but one input. */
function wiring(
  node: NodeSyntax,
  { merged, elaboration }: { merged: (refs: readonly Text[]) => Stream; elaboration: Elaboration },
): ReadonlyMap<string, Wired> {
  const { from } = node;
  if (from.kind === "ports") {
    return new Map([...from.ports].map(([port, { place, refs }]) => [port, { stream: merged(refs), place, refs }]));
  }
  const stream = merged(from.refs);
  const processor = elaboration.processors.find(({ name }) => name === node.use!.text);
  const ports = Object.keys(processor?.inputs ?? {});
  if (processor === undefined || from.refs.length === 0) return new Map();
  const place = from.refs[0]!.place;
  if (ports.length === 1) return new Map([[ports[0]!, { stream, place, refs: from.refs }]]);
  const names = ports.map((port) => `"${port}"`).join(", ");
  elaboration.report(
    "TOPOLOGY_WRONG_SHAPE",
    place,
    `${processor.name} has the inputs ${names}: say which source goes where, as in from: { ${ports[0]}: … }`,
  );
  // Its inputs are there, only not said how.
  return new Map(ports.map((port) => [port, { stream: brokenStream, place, refs: from.refs }]));
}

function streamAt(reference: Reference, text: Text, elaboration: Elaboration): Stream {
  const { report } = elaboration;
  if (reference.kind === "topic") return topicStream(reference.topic, text, elaboration);
  const outputs = elaboration.outputs.get(reference.node);
  // Nothing yet: the node stands in a cycle, which was reported.
  if (outputs === undefined) return brokenStream;
  if (elaboration.queries.some(({ node, kind }) => node === reference.node && kind === "top")) {
    report("TOPOLOGY_UNKNOWN_PORT", text.place, `node "${reference.node}" gives nothing on: its ranks are made when somebody asks`);
  }
  if (reference.output !== undefined && !(outputs.size === 1 && outputs.has("out"))) {
    const stream = outputs.get(reference.output);
    if (stream === undefined && outputs.size > 0) {
      report(
        "TOPOLOGY_UNKNOWN_PORT",
        text.place,
        `node "${reference.node}" has no output "${reference.output}"${didYouMean(reference.output, outputs.keys())}`,
      );
    }
    return stream ?? brokenStream;
  }
  if (reference.output !== undefined) {
    report("TOPOLOGY_UNKNOWN_PORT", text.place, `node "${reference.node}" has one output only; say "${reference.node}"`);
    return brokenStream;
  }
  const [only, ...more] = outputs.values();
  if (more.length > 0) {
    const names = [...outputs.keys()].map((name) => `"${reference.node}.${name}"`).join(", ");
    report("TOPOLOGY_UNKNOWN_PORT", text.place, `node "${reference.node}" has several outputs; say one of ${names}`);
    return brokenStream;
  }
  return only ?? brokenStream;
}

/** A node that nobody reads, that writes nowhere and keeps no rows, does nothing; unless a name that leads nowhere was meant for it. */
function checkUse({ nodes }: TopologySyntax, references: ReferenceTable, report: Report): void {
  const read = new Set(
    nodes.flatMap((node) =>
      sourcesOf(node).flatMap(({ text }) => {
        const reference = references.find(text);
        return reference?.kind === "node" ? [reference.node] : [];
      }),
    ),
  );
  if (nodes.some((node) => sourcesOf(node).some(({ text }) => references.find(text) === undefined))) return;
  for (const node of nodes) {
    const keepsRows = node.aggregate !== undefined || node.table !== undefined || node.top !== undefined;
    if (!read.has(node.id) && node.to === undefined && !keepsRows) {
      report("TOPOLOGY_UNUSED_NODE", node.place, `nothing reads node "${node.id}", and it writes to no topic and keeps no rows`);
    }
  }
}
