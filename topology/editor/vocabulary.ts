import type { Processor } from "@millrace/engine";
import type { EventSchema } from "#schemas/event-schema.ts";
import { aggregateNames, aggregateSummaries } from "../expressions/aggregate-function.ts";
import { typeNames } from "../expressions/expression-type.ts";
import { functionNames, methodNames } from "../expressions/functions.ts";
import { macroNames } from "../expressions/macros.ts";
import type { Holding } from "../shape/scalars.ts";
import { eventSummary } from "./event-summary.ts";
import type { JsonSchema } from "./json-schema.ts";

/** What a file may name, beside its own nodes. */
export type Vocabulary = { readonly processors: readonly Processor[]; readonly events: readonly EventSchema[] };

/** The schema of a place with what an editor offers there. Topics and sources are open, since a file makes names of its own. */
export function offered(holds: Holding | undefined, schema: JsonSchema, { processors }: Pick<Vocabulary, "processors">): JsonSchema {
  switch (holds) {
    case "expression":
      return explained(schema, expressionHelp);
    case "aggregate":
      return {
        ...explained(schema, aggregateNames.map((name) => `- \`${called(name)}\`: ${aggregateSummaries[name]}`).join("\n")),
        defaultSnippets: aggregateNames.map((name) => ({
          label: called(name),
          description: aggregateSummaries[name],
          body: name === "count" ? "count()" : `${name}(\${1:expression})`,
        })),
      };
    case "processor":
      return {
        ...about(schema),
        type: "string",
        enum: processors.map(({ name }) => name),
        ...described(processors.map(({ summary }) => summary)),
      };
    case "source":
    case "topic": {
      const { description: _said, markdownDescription: _marked, ...open } = schema;
      return { ...about(schema), anyOf: [{ $ref: "#/definitions/topics" }, open] };
    }
    case "type": {
      const names = typeNames.join("|");
      const compound = String.raw`^\s*(?:${names}|(?:list|map)<.+>)[?\s]*$`;
      return {
        ...about(schema),
        anyOf: [
          { type: "string", enum: typeNames },
          { type: "string", pattern: compound },
        ],
      };
    }
    case undefined:
      return schema;
  }
}

/** The topics of events, which many places may name: one schema each, so that an editor explains the one that is there. */
export const topicsDefinition = ({ events }: Pick<Vocabulary, "events">): JsonSchema => ({
  anyOf: events.map((event) => ({ const: event.topic, ...markedUp(eventSummary(event)) })),
});

const called = (name: string): string => (name === "count" ? "count()" : `${name}(…)`);

const listOf = (names: readonly string[], dot: string): string => names.map((name) => `\`${dot}${name}\``).join(" ");
const expressionHelp = [
  "An expression in CEL: fields of the value by name, beside `key` and `timestamp`.",
  `Functions: ${listOf(functionNames, "")}`,
  `Of text: ${listOf(
    methodNames.filter((name) => !macroNames.includes(name)),
    ".",
  )}`,
  `Of lists: ${listOf(macroNames, ".")}`,
].join("\n\n");

function explained(schema: JsonSchema, help: string): JsonSchema {
  const markdown = `${schema.markdownDescription ?? schema.description ?? ""}\n\n${help}`.trim();
  return { ...schema, ...markedUp(markdown) };
}

const about = ({ description, markdownDescription }: JsonSchema): JsonSchema => ({
  ...(description === undefined ? {} : { description }),
  ...(markdownDescription === undefined ? {} : { markdownDescription }),
});

/** Markdown for editors that show it, and without its marks for others. */
export const markedUp = (markdown: string): JsonSchema => ({
  description: markdown.replaceAll("`", ""),
  ...(/[`\n]/.test(markdown) ? { markdownDescription: markdown } : {}),
});

const described = (markdown: readonly string[]): JsonSchema => ({
  enumDescriptions: markdown.map((text) => text.replaceAll("`", "")),
  markdownEnumDescriptions: markdown,
});
