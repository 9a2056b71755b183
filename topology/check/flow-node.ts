import { branchNode, mapRecord, repartitionTopicOf } from "@millrace/engine";

import type { RecordType } from "#schemas/field-type.ts";
import { compileExpression, compileTest, type Scope } from "../expressions/compile-expression.ts";
import { nonNull, typeName } from "../expressions/expression-type.ts";
import type { NodeSyntax } from "../parse/syntax.ts";
import { type AggregateColumn, argumentsType, compileColumns, fromArguments } from "../steps/aggregate-columns.ts";
import { aggregateNode } from "../steps/aggregate-node.ts";
import { type Elaboration, onlyOutput } from "./elaboration.ts";
import { isKeyType, keyWriter } from "../streams/key-text.ts";
import { ownCodec } from "../streams/own-codec.ts";
import { nodeSinks } from "./node-sinks.ts";
import type { SinkDraft } from "../streams/part.ts";
import type { QueryDraft } from "../streams/query-draft.ts";
import { chainBefore, chainSteps, type MakeStep } from "../streams/step-chain.ts";
import { brokenStream, describeKey, isExact, type KeyColumn, keyNames, type Origin, type Stream } from "../streams/stream.ts";
import { tableNode } from "../steps/table-node.ts";
import { topNode } from "../steps/top-node.ts";
import { pascalCase } from "./topic-catalogue.ts";
import { builderOf, type Flow, flowOf, guard, narrowed, note, reshape } from "../steps/value-steps.ts";

type Outputs = ReadonlyMap<string, Stream>;

/** Checks a node of built-in steps and drafts what tasks run of it; answers its outputs. */
export function flowNode(node: NodeSyntax, input: Stream, elaboration: Elaboration): Outputs {
  const { report } = elaboration;
  const guarded = guard(node, input, report);
  if (node.branch !== undefined) return branches(node, { guarded, input, elaboration });
  const shaped = reshape(node, guarded, report);
  const rekeyed = node.key === undefined ? undefined : changeKey(node, shaped, elaboration);
  if (rekeyed === undefined) return finish(node, shaped, { input, elaboration });
  return repartition(node, shaped, { input, elaboration, rekeyed });
}

type Around = { readonly input: Stream; readonly elaboration: Elaboration; readonly columns?: Columns };

/** The name of the part of a node in front of its own change of key. */
export const keyPartOf = (node: string): string => `${node}.key`;

const origin = (part: string, output: string = onlyOutput): Origin => ({ kind: "part", part, output });

function branches(node: NodeSyntax, { guarded, input, elaboration }: { guarded: Flow; input: Stream; elaboration: Elaboration }): Outputs {
  const { report } = elaboration;
  const cases = node.branch!.cases.map(({ name, of }) => ({
    name,
    test: note(guarded, compileTest(of, { value: guarded.type, where: `${node.id}.branch`, report })),
  }));
  const outputs = new Map(
    cases.map(({ name, test }) => [
      name,
      { ...input, type: narrowed(guarded.type, test), key: guarded.key, origins: [origin(node.id, name)] } satisfies Stream,
    ]),
  );
  const tests = cases.map(({ name, test: { evaluate } }) => ({
    name,
    when: (value: unknown, record: Parameters<typeof evaluate>[1]) => evaluate(value, record) === true,
  }));
  const { stores, steps, does, reads } = guarded;
  elaboration.parts.push({
    id: node.id,
    node: node.id,
    place: node.place,
    hops: input.hops,
    inputs: new Map([["in", { origins: input.origins, reads, passes: cases.map(({ name }) => name) }]]),
    sinks: nodeSinks(node, outputs, { elaboration }),
    does: [...does, ...cases.map(({ name, test }) => `branch ${name}: ${test.text}`)],
    bind: () => chainBefore({ name: node.id, stores, steps }, branchNode(node.id, tests)),
  });
  return outputs;
}

/** What stands behind the key, or the value as it is. Without a change of key it all runs in one part. */
function finish(node: NodeSyntax, flow: Flow, { input, elaboration, columns }: Around): Outputs {
  const { report } = elaboration;
  const passes = flow.isInput && node.aggregate === undefined ? [onlyOutput] : [];
  const reads = new Set(flow.reads);
  const ending = end(node, flow, { elaboration, columns });
  if (flow.isInput) for (const path of ending.reads) reads.add(path);
  const stream: Stream = {
    type: ending.type,
    key: ending.key,
    identity: ending.identity,
    event: passes.length > 0 ? input.event : undefined,
    origins: [origin(node.id)],
    hops: input.hops,
  };
  const outputs: Outputs = new Map(node.top === undefined ? [[onlyOutput, stream]] : []);
  if (node.top !== undefined && node.to !== undefined) {
    report(
      "TOPOLOGY_STEP_CONFLICT",
      node.place,
      `node "${node.id}" has "top": its ranks are made when it is read, and there is nothing to write`,
    );
  }
  const stores = { ...flow.stores, ...ending.stores };
  const steps = [...flow.steps, ...ending.steps];
  elaboration.parts.push({
    id: node.id,
    node: node.id,
    place: node.place,
    hops: input.hops,
    inputs: new Map([["in", { origins: input.origins, reads, passes }]]),
    sinks: nodeSinks(node, outputs, { elaboration }),
    does: [...flow.does, ...ending.does],
    bind: () => chainSteps({ name: node.id, stores, steps }),
  });
  if (ending.query !== undefined) elaboration.queries.push(ending.query);
  return outputs;
}

type Ending = Pick<Flow, "type" | "key" | "identity" | "stores" | "steps" | "does"> & {
  /** Paths of the value in front of it. */
  readonly reads: readonly string[];
  readonly query?: QueryDraft;
};

/** `aggregate`, `table` or `top`, or nothing of them. */
function end(
  node: NodeSyntax,
  flow: Flow,
  { elaboration: { report }, columns: given }: { elaboration: Elaboration; columns: Columns },
): Ending {
  const { type, key, identity } = flow;
  const none: Ending = { type, key, identity, stores: {}, steps: [], does: [], reads: [] };
  const isEnd = node.aggregate !== undefined || node.table !== undefined || node.top !== undefined;
  if (!isEnd) return none;
  if (type.kind === "unknown") {
    // Functions have names and numbers of arguments, whatever their types.
    compileColumns(node.aggregate?.columns ?? [], { value: type, where: node.id, report });
    return none;
  }
  if (key.length === 0) {
    const what = node.aggregate === undefined ? (node.table === undefined ? "top" : "table") : "aggregate";
    report(
      "TOPOLOGY_NO_KEY",
      node[what]?.place ?? node.place,
      `${what} of node "${node.id}" goes by the key, and its records have none in common; say "key:"`,
    );
    return { ...none, type: brokenStream.type };
  }
  if (node.aggregate !== undefined) {
    const columns = given ?? compileColumns(node.aggregate.columns, { value: type, where: `${node.id}.aggregate`, report });
    if (hasMistakes(node, columns)) return { ...none, type: brokenStream.type };
    const folded = aggregateNode(node, { columns, key, names: keyNames(key, type), report });
    return { ...folded, reads: columns.flatMap(({ argument }) => [...(argument?.reads ?? [])]) };
  }
  if (type.kind !== "record") {
    report("TOPOLOGY_EXPRESSION_TYPE", node.place, `node "${node.id}" keeps rows, and its values are ${typeName(type)}`);
    return none;
  }
  const kept = node.table === undefined ? topNode(node, { type, key, identity, report }) : tableNode(node, { type, key, identity, report });
  return { ...none, ...kept, reads: [""] };
}

type NewKey = { readonly columns: readonly KeyColumn[]; readonly write: ReturnType<typeof keyWriter> };

/** The key that `key:` gives, or nothing if the records have it already. */
function changeKey(node: NodeSyntax, flow: Flow, { report }: Elaboration): NewKey | undefined {
  const { place, parts } = node.key!;
  const scope: Scope = { value: flow.type, where: `${node.id}.key`, report };
  const compiled = parts.map(({ as, of }) => {
    const expression = note(flow, compileExpression(of, scope));
    const { type, path, constant } = expression;
    if (type.kind !== "unknown" && !isKeyType(type)) {
      report("TOPOLOGY_EXPRESSION_TYPE", of.place, `a key is string, int, boolean or timestamp, and \`${of.text}\` is ${typeName(type)}`);
    }
    if (as === undefined && path === undefined && constant === undefined && type.kind !== "unknown") {
      report("TOPOLOGY_MISSING_FIELD", of.place, `the key \`${of.text}\` needs a name: key: { as: name, of: ${of.text} }`);
    }
    const column: KeyColumn = {
      name: as ?? path?.split(".").at(-1) ?? "key",
      path,
      type: nonNull(type) as KeyColumn["type"],
      ...(constant === undefined ? {} : { constant: true }),
    };
    return { expression, column };
  });
  const columns = compiled.map(({ column }) => column);
  const isSame =
    columns.length === flow.key.length &&
    columns.every(({ path }, i) => path !== undefined && path === flow.key[i]!.path && isExact(flow.key[i]!, flow.type));
  if (isSame) {
    report(
      "TOPOLOGY_KEY_UNCHANGED",
      place,
      `the records of node "${node.id}" have the key ${describeKey(columns)} already; leave "key:" out`,
    );
    return undefined;
  }
  return { columns, write: keyWriter(compiled.map(({ expression }) => expression)) };
}

/**
 * A change of key goes through a topic of the log. In front of an aggregate only its arguments cross, computed by the part before it;
 * else the value itself does. [Y7]
 */
function repartition(node: NodeSyntax, flow: Flow, { input, elaboration, rekeyed }: Around & { rekeyed: NewKey }): Outputs {
  const { report, topology } = elaboration;
  const broken: Outputs = new Map([[onlyOutput, brokenStream]]);
  const isEnd = node.aggregate !== undefined || node.table !== undefined || node.top !== undefined;
  const scope: Scope = { value: flow.type, where: `${node.id}.aggregate`, report };
  const columns = node.aggregate && compileColumns(node.aggregate.columns, scope);
  if (flow.type.kind !== "record" || (columns !== undefined && hasMistakes(node, columns))) return broken;
  const topic = repartitionTopicOf(topology, node.id);
  const part = isEnd ? keyPartOf(node.id) : node.id;
  const crossing = crossingOf(node, flow, { columns, rekeyed });
  const passes = flow.isInput && columns === undefined ? [onlyOutput] : [];
  const stream: Stream = {
    type: crossing.type,
    // What crosses has the key under the names of its own fields, where it has them.
    key: rekeyed.columns.map((column) => ({ ...column, path: columns === undefined ? column.path : undefined })),
    identity: columns === undefined ? flow.identity : [],
    event: passes.length > 0 ? input.event : undefined,
    origins: [{ kind: "topic", topic }],
    hops: input.hops + 1,
  };
  const codec = ownCodec(crossing.type);
  const { stores, reads, does } = flow;
  elaboration.repartitions.push({ topic, node: node.id, type: crossing.type, key: stream.key });
  elaboration.parts.push({
    id: part,
    node: node.id,
    place: node.place,
    hops: input.hops,
    inputs: new Map([["in", { origins: input.origins, reads, passes }]]),
    sinks: [
      { output: onlyOutput, topic, place: node.key!.place, kind: "repartition", key: crossing.key, encode: (value) => codec.encode(value) },
      ...(isEnd ? [] : nodeSinks(node, new Map([[onlyOutput, stream]]), { elaboration, keyOf: rekeyed.write })),
    ],
    does: [...does, `key ${describeKey(rekeyed.columns)}`],
    bind: () => chainSteps({ name: part, stores, steps: [...flow.steps, ...crossing.steps] }),
  });
  if (!isEnd) return new Map([[onlyOutput, stream]]);
  return finish(node, flowOf(stream), { input: stream, elaboration, columns: columns && fromArguments(columns) });
}

type Crossing = { readonly type: RecordType; readonly key: SinkDraft["key"]; readonly steps: readonly MakeStep[] };
type Columns = readonly AggregateColumn[] | undefined;

function crossingOf(node: NodeSyntax, flow: Flow, { columns, rekeyed }: { columns: Columns; rekeyed: NewKey }): Crossing {
  if (columns === undefined) return { type: flow.type as RecordType, key: rekeyed.write, steps: [] };
  const fed = columns.flatMap(({ name, argument }) => (argument === undefined ? [] : [{ name, expression: argument }]));
  for (const { expression } of fed) note(flow, expression);
  const build = builderOf(fed);
  return {
    type: argumentsType(columns, `${pascalCase(node.id)}Arguments`),
    // The key is computed beside the arguments, from a value that is gone at the sink.
    key: (_value, record) => record.key,
    steps: [() => mapRecord((value, record) => ({ key: rekeyed.write(value, record), value: build(value, record) }))],
  };
}

/** Columns that could not be compiled, or none at all, have been reported. */
const hasMistakes = ({ aggregate }: NodeSyntax, columns: readonly AggregateColumn[]): boolean =>
  columns.length === 0 || columns.length < (aggregate?.columns.length ?? 0);
