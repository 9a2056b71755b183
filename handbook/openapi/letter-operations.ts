import { z } from "zod";
import type { ProblemSlug } from "#gateway/problem.ts";
import type { QueryProblemSlug } from "#queries/problem.ts";
import { letterFilters } from "#queries/letters/parse-letter-filter.ts";
import { settlingBody } from "#queries/letters/parse-settling.ts";
import { letterStates } from "#queries/topology/dead-letters.ts";
import { lettersShown } from "#queries/topology/parse-dead-letter-question.ts";
import { gatewayProblem, jsonAnswer, object, type Part, problemAnswers, queryProblem, schemaRef, text } from "./answers.ts";

const unauthorized: readonly ProblemSlug[] = ["missing-credentials", "invalid-credentials"];
const asked: readonly QueryProblemSlug[] = ["internal-error", "query-unavailable"];

/** Dead letters: listed, counted, one whole, redriven and dropped. `guarded`: what is asked of those without a key. */
export function letterOperations(guarded: Part): Readonly<Record<string, Part>> {
  const answers = (schema: Part, ...slugs: readonly QueryProblemSlug[]): Part => ({
    200: jsonAnswer("What was found.", schema),
    ...problemAnswers([...unauthorized.map(gatewayProblem), ...slugs.map(queryProblem), ...asked.map(queryProblem)]),
  });
  const operation = (operationId: string, told: Part, responses: Part): Part => ({
    operationId,
    tags: ["Topology"],
    ...guarded,
    ...told,
    responses,
  });
  const filters = letterFilters.map((name) => parameter(name, filterWords[name], { type: "string" }));
  const settle = (action: "redrive" | "drop", summary: string): Part =>
    operation(
      `${action}DeadLetters`,
      { summary, requestBody: { required: true, content: { "application/json": { schema: bodySchema } } } },
      answers(
        object({
          settled: { type: "integer", description: "Letters that were settled, or would be." },
          refused: { type: "array", items: { type: "object" } },
          complete: { type: "boolean", description: "False where `limit` ended it: ask again, with `until` as `to`." },
          until: text("Letters that were set aside before this time were looked at."),
        }),
        "invalid-parameter",
        "unknown-topic",
        "settling-refused",
      ),
    );
  return {
    "/v1/dead-letters": operation(
      "listDeadLetters",
      {
        summary: "The last dead letters, with reason, place and bytes",
        parameters: [
          ...filters,
          parameter("state", "Only letters in this state.", { type: "string", enum: letterStates }),
          parameter("limit", `${lettersShown.default} unless said.`, { type: "integer", minimum: 1, maximum: lettersShown.most }),
        ],
      },
      answers(schemaRef("DeadLetters"), "unknown-filter", "invalid-parameter", "unknown-node", "unknown-topic"),
    ),
    "/v1/dead-letters/summary": operation(
      "countDeadLetters",
      { summary: "What is there to redrive, counted", parameters: filters },
      answers(
        object({
          lines: { type: "array", items: { type: "object" } },
          complete: { type: "boolean" },
          settling: { type: "boolean", description: "Whether they can be settled here." },
        }),
        "unknown-filter",
        "invalid-parameter",
        "unknown-node",
        "unknown-topic",
      ),
    ),
    "/v1/dead-letters/:topic/:partition/:offset": operation(
      "getDeadLetter",
      {
        summary: "One dead letter whole",
        parameters: [
          inPath("topic", "The topic of the dead letters, as in `business.orders.created.dlq`.", { type: "string" }),
          inPath("partition", "The partition in which it lies.", { type: "integer", minimum: 0 }),
          inPath("offset", "Its place there.", { type: "integer", minimum: 0 }),
        ],
      },
      answers(
        object({ name: text("Names it in a redrive or a drop."), bytes: { type: ["string", "null"], contentEncoding: "base64" } }),
        "unknown-letter",
      ),
    ),
    "/v1/dead-letters/redrive": settle("redrive", "Have dead letters processed again"),
    "/v1/dead-letters/drop": settle("drop", "Give dead letters up, and say why"),
  };
}

const filterWords: Readonly<Record<(typeof letterFilters)[number], string>> = {
  topic: "Those of records of this topic.",
  node: "Those that this node set aside.",
  reason: "Those with this reason.",
  from: "Those from this time on, or a span before now (-30m).",
  to: "Those before this time.",
};

const { $schema: _, ...bodySchema } = z.toJSONSchema(settlingBody, { io: "input" }) as Part;

const inPath = (name: string, description: string, schema: Part): Part => ({ name, in: "path", required: true, description, schema });

const parameter = (name: string, description: string, schema: Part): Part => ({ name, in: "query", description, schema });
