import { z } from "zod";
import type { Port, Processor } from "@millrace/engine";
import { sinkKinds } from "../parse/syntax.ts";
import { eventTopicShape, fileShape } from "../shape/file-shape.ts";
import { neverBeside, onlyBeside } from "../shape/node-shape.ts";
import { eventSummary } from "./event-summary.ts";
import type { JsonSchema } from "./json-schema.ts";
import { withEnvironment } from "./with-environment.ts";
import { markedUp, offered, topicsDefinition, type Vocabulary } from "./vocabulary.ts";

/**
 * The JSON Schema (draft 7) of a topology file, made of the shapes that its readers check it by and of the catalogue: what it refuses, `millrace check`
 * refuses too. [ED1] Expressions, names and keys are for the check alone.
 */
export function editorSchema(vocabulary: Vocabulary): JsonSchema {
  const { processors, events } = vocabulary;
  const schema = jsonOf(fileShape, vocabulary);
  const { topics, nodes, sinks } = schema.properties!;
  (topics as JsonSchema).properties = Object.fromEntries(
    events.map((event) => [event.topic, { ...jsonOf(eventTopicShape, vocabulary), ...markedUp(eventSummary(event)) }]),
  );
  const node = (nodes as JsonSchema).additionalProperties as JsonSchema;
  node.dependencies = onlyBeside;
  node.allOf = [
    ...neverBeside.map(({ step, never }) =>
      where({ required: [step] }, { properties: Object.fromEntries(never.map((name) => [name, false as const])) }),
    ),
    {
      if: { required: ["use"] },
      else: { properties: { with: false as const, from: { type: ["string", "number", "boolean", "array"] } } },
    },
    ...processors.map((processor) =>
      where({ required: ["use"], properties: { use: { const: processor.name } } }, nodeOf(processor, node, vocabulary)),
    ),
  ];
  const sink = (sinks as JsonSchema).additionalProperties as JsonSchema;
  sink.anyOf = sinkKinds.map((kind) => ({ required: [kind] }));
  sink.allOf = sinkKinds.map((kind) =>
    where(
      { required: [kind] },
      { properties: Object.fromEntries(sinkKinds.filter((other) => other !== kind).map((other) => [other, false as const])) },
    ),
  );
  return {
    $schema: "http://json-schema.org/draft-07/schema#",

    ...schema,
    definitions: { topics: topicsDefinition(vocabulary) },
  };
}

// oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's word
const where = (condition: JsonSchema, holds: JsonSchema): JsonSchema => ({ if: condition, then: holds });

/** What a node is with a processor in it: its settings, its inputs and its outputs. */
function nodeOf({ config, inputs, outputs, summary }: Processor, node: JsonSchema, vocabulary: Vocabulary): JsonSchema {
  const settings = config instanceof z.ZodType ? withEnvironment(jsonOf(config, vocabulary)) : {};
  const [from, to] = [node.properties!["from"] as JsonSchema, node.properties!["to"] as JsonSchema];
  return {
    properties: {
      with: { ...settings, ...markedUp(`Settings of the processor. ${summary}`) },
      from: wiring(inputs, { base: from, required: true }),
      to: wiring(outputs, { base: to, required: false }),
    },
    ...(settings.required === undefined || settings.required.length === 0 ? {} : { required: ["with"] }),
  };
}

/** `base` is the schema of the field: what it says of one port goes for each. Where there is but one port, it need not be named. */
function wiring(ports: Readonly<Record<string, Port<unknown>>>, { base, required }: { base: JsonSchema; required: boolean }): JsonSchema {
  const forms = base.anyOf!;
  const ofPort = forms.find((form) => form.type === "object")!.additionalProperties as JsonSchema;
  const { description: _own, markdownDescription: _marked, ...each } = ofPort;
  const names = Object.keys(ports);
  const map: JsonSchema = {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { ...each, ...markedUp(portSummary(ports[name]!)) }])),
    additionalProperties: false,
    ...(required ? { required: names.filter((name) => ports[name]!.optional !== true) } : {}),
  };
  const { description, markdownDescription } = base;
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(markdownDescription === undefined ? {} : { markdownDescription }),
  };
  return names.length === 1 ? { ...about, anyOf: [...forms.filter((form) => form.type !== "object"), map] } : { ...about, ...map };
}

function portSummary({ shape, key, optional }: Port<unknown>): string {
  const what =
    shape.kind === "event"
      ? `Events \`${shape.event}\``
      : `Records of ${Object.entries(shape.fields)
          .map(([name, type]) => `\`${name}\` (${type})`)
          .join(", ")}`;
  return `${what}${key === undefined ? "" : `, keyed by \`${key}\``}.${optional === true ? " May be left out." : ""}`;
}

const jsonOf = (shape: z.ZodType, vocabulary: Vocabulary): JsonSchema => {
  const { $schema: _draft, ...schema } = z.toJSONSchema(shape, { target: "draft-7", io: "input", unrepresentable: "any" });
  return tidied(schema as JsonSchema, vocabulary);
};

/** The schema with types of one place brought together, and with what an editor offers and says there. */
function tidied(schema: JsonSchema, vocabulary: Vocabulary): JsonSchema {
  const inner = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      if (name === "properties") return [name, mapped(value as Record<string, JsonSchema>, vocabulary)];
      if (name === "anyOf") return [name, (value as JsonSchema[]).map((one) => tidied(one, vocabulary))];
      if ((name === "additionalProperties" || name === "items") && typeof value === "object") {
        return [name, tidied(value as JsonSchema, vocabulary)];
      }
      return [name, value];
    }),
  ) as JsonSchema;
  const { holds, description, ...rest } = flat(inner);
  return offered(holds, { ...rest, ...(description === undefined ? {} : markedUp(description)) }, vocabulary);
}

const mapped = (schemas: Readonly<Record<string, JsonSchema>>, vocabulary: Vocabulary): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(schemas).map(([name, one]) => [name, tidied(one, vocabulary)]));

/** Scalars that a place may hold, as one schema: an editor has more to say of it than of alternatives. */
function flat(schema: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = schema;
  if (anyOf?.every(({ type }) => typeof type === "string" && type !== "object" && type !== "array") !== true) return schema;
  // Bounds of numbers and patterns of texts each go for their own type only.
  return { ...Object.assign({}, ...anyOf), ...rest, type: anyOf.map(({ type }) => type as string) };
}
