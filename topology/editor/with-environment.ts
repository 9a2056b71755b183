import type { JsonSchema } from "./json-schema.ts";

const variable = String.raw`\$\{[A-Za-z_][A-Za-z0-9_]*\}`;

/** The schema of settings as they are written: where a text is asked for, it may come from the environment, so nothing is known of it yet. */
export function withEnvironment(schema: JsonSchema): JsonSchema {
  const inner: JsonSchema = {
    ...schema,
    ...(schema.properties && {
      properties: Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, one && withEnvironment(one)])),
    }),
    ...(typeof schema.additionalProperties === "object" && { additionalProperties: withEnvironment(schema.additionalProperties) }),
    ...(schema.items && { items: withEnvironment(schema.items) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map(withEnvironment) }),
    ...(schema.allOf && { allOf: schema.allOf.map(withEnvironment) }),
  };
  const isText = inner.type === "string" || (Array.isArray(inner.type) && inner.type.includes("string"));
  const isBound = ["pattern", "enum", "const", "maxLength", "minLength", "format"].some((bound) => Object.hasOwn(inner, bound));
  if (!isText || !isBound) return inner;
  const { description, markdownDescription, examples, ...bounds } = inner;
  return {
    ...(description === undefined ? {} : { description }),
    ...(markdownDescription === undefined ? {} : { markdownDescription }),
    ...(examples === undefined ? {} : { examples }),
    anyOf: [bounds, { type: "string", pattern: variable }],
  };
}
