import type { ProblemSlug } from "#gateway/problem.ts";
import type { QueryProblemSlug } from "#queries/problem.ts";
import { lettersShown } from "#queries/topology/parse-dead-letter-question.ts";
import { eventTypes } from "#schemas/event-types.ts";
import type { House } from "../house.ts";
import { answer, gatewayProblem, jsonAnswer, object, type Part, problemAnswers, queryProblem, schemaRef, text } from "./answers.ts";

/** Everything else that is served, by route as the app has it: path of Hono, then what it is. */
export function houseOperations({ keyed, limits }: House): Readonly<Record<string, Part>> {
  const guarded = keyed ? { security: [{ key: [] }] } : {};
  const unauthorized: readonly ProblemSlug[] = ["missing-credentials", "invalid-credentials"];
  return {
    "/v1/limits": operation("Events", "getLimits", {
      summary: "Every bound of the gateway",
      answers: {
        200: jsonAnswer("Bytes, counts and milliseconds.", object(Object.fromEntries(Object.keys(limits).map((name) => [name, count])))),
      },
    }),
    "/v1/tail": operation("Events", "getTail", {
      summary: "The last answers to events, with reasons",
      description:
        "The last 200, without payloads. With `Accept: text/event-stream` a stream of what comes, which goes on behind `Last-Event-ID`.",
      ...guarded,
      parameters: [{ name: "since", in: "query", description: "Only those behind this number.", schema: { type: "integer", minimum: 0 } }],
      answers: {
        200: {
          description: "Results.",
          content: {
            "application/json": { schema: object({ last: count, results: { type: "array", items: schemaRef("TailEntry") } }) },
            "text/event-stream": { schema: { type: "string" } },
          },
        },
        ...problemAnswers([...unauthorized, "temporary-reduced-capacity" as const].map(gatewayProblem)),
      },
    }),
    "/v1/schemas": operation("Schemas", "listSchemas", {
      summary: "Every event type with its versions",
      answers: { 200: jsonAnswer("The registry.", object({ schemas: { type: "array", items: schemaRef("SchemaEntry") } })) },
    }),
    "/v1/schemas/:type": operation("Schemas", "getSchema", {
      summary: "The schema of an event type",
      ...schemaForms,
      parameters: [eventType],
    }),
    "/v1/schemas/:type/versions/:version": operation("Schemas", "getSchemaVersion", {
      summary: "The schema of an event type in a version",
      ...schemaForms,
      parameters: [eventType, inPath("version", "A released version, or the current one.", { type: "string" })],
    }),
    "/v1/topology": operation("Topology", "getTopology", {
      summary: "The plan of the topology",
      answers: {
        200: jsonAnswer("Nodes, topics and edges.", schemaRef("Topology")),
        304: { description: "The plan at hand is still the plan." },
      },
    }),
    "/v1/topology/state": operation("Topology", "getTopologyState", {
      summary: "How the topology runs",
      description: "Counts of every node, how far every input is behind, tasks that stand still.",
      answers: {
        200: jsonAnswer("Totals, of which rates are differences.", schemaRef("TopologyState")),
        ...queryAnswers("internal-error", "query-unavailable"),
      },
    }),
    "/v1/dead-letters": operation("Topology", "listDeadLetters", {
      summary: "The last dead letters, with reason, place and bytes",
      ...guarded,
      parameters: [
        parameter("node", "Those that this node set aside.", { type: "string" }),
        parameter("topic", "Those of records of this topic.", { type: "string" }),
        parameter("limit", `${lettersShown.default} unless said.`, { type: "integer", minimum: 1, maximum: lettersShown.most }),
      ],
      answers: {
        200: jsonAnswer("The newest first.", schemaRef("DeadLetters")),
        ...problemAnswers(unauthorized.map(gatewayProblem)),
        ...queryAnswers("unknown-filter", "invalid-parameter", "unknown-node", "unknown-topic", "internal-error", "query-unavailable"),
      },
    }),
    "/v1/retention": operation("Topology", "getRetention", {
      summary: "How long topics keep events",
      answers: {
        200: jsonAnswer(
          "By topic of events; null: for ever.",
          object({
            judgedBy: { const: "record-time" },
            topics: {
              type: "array",
              items: object({ topic: text("Its name."), eventType: { enum: eventTypes }, keepsMs: { type: ["integer", "null"] } }),
            },
          }),
        ),
      },
    }),
    "/livez": operation("Health", "getLiveness", {
      summary: "Whether the process runs",
      answers: { 200: jsonAnswer("It does.", object({ status: { const: "alive" } })) },
    }),
    "/readyz": operation("Health", "getReadiness", {
      summary: "Whether it may be sent to",
      answers: {
        200: jsonAnswer("It may.", schemaRef("Readiness")),
        503: jsonAnswer("It may not; the dependencies say why.", schemaRef("Readiness")),
      },
    }),
    "/metrics": operation("Health", "getMetrics", {
      summary: "Figures for Prometheus",
      answers: { 200: answer("Prometheus' text format.", "text/plain", { type: "string" }) },
    }),
    "/openapi.json": operation("Handbook", "getOpenapi", {
      summary: "This document",
      answers: { 200: jsonAnswer("OpenAPI 3.1.", { type: "object" }) },
    }),
    "/problems": operation("Handbook", "listProblems", {
      summary: "Every problem that can be answered",
      answers: { 200: inThreeForms("Their types.", object({ problems: { type: "array", items: schemaRef("ProblemPage") } })) },
    }),
    "/problems/:slug": problemPage("getProblem", "A problem of the gateway: what it means, what to do"),
    "/problems/queries/:slug": problemPage("getQueryProblem", "A problem of a query: what it means, what to do"),
  };
}

/** The schemas of what these answer. */
export const houseSchemas: Part = {
  Problem: object(
    {
      type: text("Names the problem; its page says what to do.", { format: "uri-reference" }),
      title: text("The problem in a sentence."),
      status: { type: "integer" },
      detail: text("What it was this time, and where."),
      docs: text("The page.", { format: "uri-reference" }),
      "requestId?": text("To be told when help is asked for."),
      "traceId?": text("W3C trace id."),
      "results?": { type: "array", items: schemaRef("EventResult") },
    },
    { description: "RFC 9457, with members of its own for each type." },
  ),
  ProblemPage: object({
    type: text("The problem's `type`.", { format: "uri-reference" }),
    status: { type: "integer" },
    title: text("As answers have it."),
    meaning: text("What it means."),
    remedy: text("What to do."),
    example: schemaRef("Problem"),
  }),
  TailEntry: object({
    n: { type: "integer" },
    at: text("When it was answered.", { format: "date-time" }),
    status: { enum: ["accepted", "duplicate", "rejected", "retry"] },
    eventId: { type: ["string", "null"] },
    eventType: { type: ["string", "null"] },
    "code?": text("Of a rejected or delayed event."),
    "pointer?": text("Where."),
    "detail?": text("Why."),
  }),
  SchemaEntry: object({
    eventType: { enum: eventTypes },
    description: text("What happened."),
    version: text("The current one."),
    versions: { type: "array", items: { type: "string" } },
    topic: text("Where such events lie."),
    key: { type: "array", items: { type: "string" }, description: "Fields that the key is taken from, the first that has a value." },
    links: { type: "object", additionalProperties: { type: "string" } },
  }),
  Readiness: object({
    status: { enum: ["ready", "unready", "draining"] },
    dependencies: { type: "object", additionalProperties: object({ ready: { type: "boolean" }, detail: text("In words.") }) },
  }),
  Topology: object({
    topology: text("Its name."),
    subTopologies: { type: "array", items: object({ id: text("Its id."), partitions: { type: "integer" }, reads: texts() }) },
    nodes: {
      type: "array",
      items: object({
        id: text("Its id."),
        of: text("The node of the file."),
        subTopology: text("Where it runs."),
        does: texts(),
        writes: texts(),
        "query?": text("Its query."),
        hops: { type: "integer" },
      }),
    },
    topics: {
      type: "array",
      items: object({
        name: text("Its name."),
        partitions: { type: "integer" },
        kind: { enum: ["events", "records", "repartition"] },
        "deadLetters?": text("Their topic."),
      }),
    },
    edges: { type: "array", items: object({ from: text("A vertex."), to: text("A vertex."), hop: { type: "boolean" } }) },
    order: texts(),
  }),
  TopologyState: object({
    at: text("When.", { format: "date-time" }),
    of: { const: "process" },
    nodes: { type: "object", additionalProperties: { type: "object" } },
    inputs: { type: "array", items: { type: "object" } },
    subTopologies: { type: "array", items: { type: "object" } },
  }),
  DeadLetters: object({
    "node?": text("As asked."),
    "topic?": text("As asked."),
    letters: {
      type: "array",
      items: object({
        at: text("When.", { format: "date-time" }),
        reason: text("A code."),
        node: text("Who set it aside."),
        place: text("topic[partition]@offset."),
      }),
    },
    complete: { type: "boolean", description: "There are no others." },
  }),
};

function texts(): Part {
  return { type: "array", items: { type: "string" } };
}

const count = { type: "integer", minimum: 0 };

const eventType = inPath("type", "An event type.", { type: "string", enum: eventTypes });

const schemaForms = {
  description:
    "JSON Schema (2020-12) of what is posted; with `Accept: application/vnd.apache.avro+json` the Avro schema of what lies on the log.",
  answers: {
    200: {
      description: "The schema.",
      headers: { ETag: { description: "Of the schema.", schema: { type: "string" } } },
      content: {
        "application/schema+json": { schema: { type: "object" } },
        "application/vnd.apache.avro+json": { schema: { type: "object" } },
      },
    },
    304: { description: "The schema at hand is still the schema." },
    ...problemAnswers([gatewayProblem("not-found")]),
  },
};

function problemPage(operationId: string, summary: string): Part {
  return operation("Handbook", operationId, {
    summary,
    parameters: [inPath("slug", "The last part of a problem's `type`.", { type: "string" })],
    answers: { 200: inThreeForms("The page.", schemaRef("ProblemPage")), ...problemAnswers([gatewayProblem("not-found")]) },
  });
}

const inThreeForms = (description: string, schema: Part): Part => ({
  description,
  content: { "text/html": { schema: { type: "string" } }, "application/json": { schema }, "text/plain": { schema: { type: "string" } } },
});

type Told = { readonly summary: string; readonly description?: string; readonly parameters?: readonly Part[]; readonly answers: Part };

function operation(tag: string, operationId: string, { answers, ...told }: Told): Part {
  return { operationId, tags: [tag], ...told, responses: answers };
}

const queryAnswers = (...slugs: readonly QueryProblemSlug[]): Part => problemAnswers(slugs.map(queryProblem));

const parameter = (name: string, description: string, schema: Part): Part => ({ name, in: "query", description, schema });

function inPath(name: string, description: string, schema: Part): Part {
  return { name, in: "path", required: true, description, schema };
}
