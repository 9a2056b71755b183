import { type BoundProcessor, mapValue, type Port, type Processor } from "@millrace/engine";
import { fieldTypeOf, isEventType, schemaOf } from "#schemas/event-registry.ts";
import type { EventType } from "#schemas/event-types.ts";
import type { RecordType } from "#schemas/field-type.ts";
import { didYouMean } from "../did-you-mean.ts";
import { isAssignable, stringType, typeName, typeOfName, unknownType } from "../expressions/expression-type.ts";
import { shownSettings } from "../parse/secrets.ts";
import type { NodeSyntax, Text } from "../parse/syntax.ts";
import type { Place } from "../topology-error.ts";
import type { Elaboration } from "./elaboration.ts";
import { envelopeOf } from "./event-envelope.ts";
import { nodeSinks } from "./node-sinks.ts";
import type { PartInput } from "../streams/part.ts";
import { readConfig } from "./processor-config.ts";
import type { Step } from "../streams/step-chain.ts";
import { brokenStream, describeKey, isBroken, type KeyColumn, type Stream } from "../streams/stream.ts";
import { pascalCase } from "./topic-catalogue.ts";

/** What stands at a port of a processor's node. */
export type Wired = { readonly stream: Stream; readonly place: Place; readonly refs: readonly Text[] };

/** Checks a node that uses a processor; answers its outputs. */
export function useNode(node: NodeSyntax, wired: ReadonlyMap<string, Wired>, elaboration: Elaboration): ReadonlyMap<string, Stream> {
  const { report, processors } = elaboration;
  const use = node.use!;
  const processor = processors.find(({ name }) => name === use.text);
  if (processor === undefined) {
    const names = processors.map(({ name }) => name);
    report("TOPOLOGY_UNKNOWN_PROCESSOR", use.place, `there is no processor "${use.text}"${didYouMean(use.text, names)}`);
    return new Map();
  }
  const config = readConfig(node, processor, elaboration);
  const inputs = checkInputs(node, processor, { wired, elaboration });
  const hops = Math.max(0, ...[...wired.values()].map(({ stream }) => stream.hops));
  const outputs = new Map(
    Object.entries(processor.outputs).map(([name, port]) => [
      name,
      { ...outputOf(port), origins: [{ kind: "part", part: node.id, output: name }], hops } satisfies Stream,
    ]),
  );
  elaboration.parts.push({
    id: node.id,
    node: node.id,
    place: node.place,
    hops,
    inputs,
    sinks: nodeSinks(node, outputs, { elaboration }),
    does: [`use ${processor.name}`],
    settings: shownSettings(node.with),
    bind: () => withEnvelopes(node.id, { bound: processor.bind(config), ports: processor.outputs, source: elaboration.topology }),
  });
  return outputs;
}

type Checking = { readonly wired: ReadonlyMap<string, Wired>; readonly elaboration: Elaboration };

function checkInputs(node: NodeSyntax, processor: Processor, { wired, elaboration }: Checking): ReadonlyMap<string, PartInput> {
  const { report } = elaboration;
  const inputs = new Map<string, PartInput>();
  for (const [name, at] of wired) {
    const port = processor.inputs[name];
    if (port === undefined) {
      report(
        "TOPOLOGY_UNKNOWN_PORT",
        at.place,
        `${processor.name} has no input "${name}"${didYouMean(name, Object.keys(processor.inputs))}`,
      );
      continue;
    }
    checkPort(name, port, { at, processor, elaboration });
    inputs.set(name, { origins: at.stream.origins, reads: new Set(readsOf(port)), passes: [] });
  }
  const missing = Object.entries(processor.inputs).filter(([name, port]) => port.optional !== true && !wired.has(name));
  for (const [name] of missing) {
    report("TOPOLOGY_MISSING_FIELD", node.place, `node "${node.id}" needs the input "${name}" of ${processor.name}: from: { ${name}: … }`);
  }
  return inputs;
}

const readsOf = ({ shape, reads }: Port<unknown>): readonly string[] =>
  reads ?? (shape.kind === "record" ? Object.keys(shape.fields) : [""]);

function checkPort(
  name: string,
  port: Port<unknown>,
  { at, processor, elaboration }: { at: Wired; processor: Processor; elaboration: Elaboration },
): void {
  const { report } = elaboration;
  const { stream } = at;
  if (isBroken(stream)) return;
  const what = `input "${name}" of ${processor.name}`;
  const place = at.refs[0]?.place ?? at.place;
  const given = at.refs.map(({ text }) => `"${text}"`).join(", ");
  if (port.shape.kind === "event" && stream.event !== port.shape.event) {
    const has = stream.event === undefined ? "other records" : stream.event;
    report("TOPOLOGY_WRONG_INPUT", place, `${what} takes events ${port.shape.event}, and ${given} has ${has}`);
    return;
  }
  if (port.shape.kind === "record") {
    const wanted = recordTypeOf(port.shape.fields, name);
    const wrong = wanted.fields.filter((field) => !isAssignable(stream.type, { ...wanted, fields: [field] }));
    if (wrong.length > 0) {
      const fields = wrong.map((field) => `"${field.name}" (${typeName(field.type)})`).join(", ");
      report("TOPOLOGY_WRONG_INPUT", place, `${what} needs ${fields}, which ${given} does not have; say "select:" there`);
      return;
    }
  }
  if (port.key === undefined) return;
  const [column, ...more] = stream.key;
  if (
    column !== undefined &&
    more.length === 0 &&
    (column.name === port.key || column.path === port.key || column.path === `data.${port.key}`)
  )
    return;
  const path = port.shape.kind === "event" ? `data.${port.key}` : port.key;
  report(
    "TOPOLOGY_WRONG_KEY",
    place,
    `${what} must be keyed by ${port.key}, and ${given} is keyed by ${describeKey(stream.key)}; add "key: ${path}" to the node it comes from`,
  );
}

function recordTypeOf(fields: Readonly<Record<string, string>>, name: string): RecordType {
  return {
    kind: "record",
    name: pascalCase(name),
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type: typeOfName(type) ?? stringType })),
  };
}

function outputOf({ shape, key }: Port<unknown>): Stream {
  if (shape.kind === "event") {
    if (!isEventType(shape.event)) return { ...brokenStream, type: unknownType };
    // The key of an event is declared with its schema.
    const path = schemaOf(shape.event).key[0]!;
    const column: KeyColumn = { name: path.split(".").at(-1)!, path, type: stringType };
    return { type: fieldTypeOf(shape.event), key: [column], identity: [], event: shape.event, origins: [], hops: 0 };
  }
  const type = recordTypeOf(shape.fields, "output");
  const field = type.fields.find(({ name }) => name === key);
  const columns: KeyColumn[] = field === undefined ? [] : [{ name: field.name, path: field.name, type: field.type }];
  return { type, key: columns, identity: [], event: undefined, origins: [], hops: 0 };
}

type Bound = { readonly bound: BoundProcessor; readonly ports: Processor["outputs"]; readonly source: string };

/** A processor gives an event's `data`; what leaves the node is the event. */
function withEnvelopes(id: string, { bound, ports, source }: Bound): BoundProcessor {
  return {
    ...bound,
    name: id,
    build: (inputs, stores, context) => {
      const streams = bound.build(inputs, stores, context);
      return Object.fromEntries(
        Object.entries(streams).map(([name, stream]) => {
          const shape = ports[name]?.shape;
          if (shape?.kind !== "event") return [name, stream];
          return [name, (mapValue(envelopeOf(shape.event as EventType, source, context)) as Step)(stream)];
        }),
      );
    },
  };
}
