import type { Holding } from "../shape/scalars.ts";

/** As much of JSON Schema, draft 7, as is written here; `markdownDescription`, `patternErrorMessage`, `enumDescriptions` and `defaultSnippets` are those of editors. */
export type JsonSchema = {
  $schema?: string;
  $ref?: string;
  definitions?: Readonly<Record<string, JsonSchema>>;
  title?: string;
  description?: string;
  markdownDescription?: string;
  type?: string | readonly string[];
  properties?: Readonly<Record<string, JsonSchema | false>>;
  additionalProperties?: JsonSchema | boolean;
  propertyNames?: JsonSchema;
  minProperties?: number;
  required?: readonly string[];
  dependencies?: Readonly<Record<string, readonly string[]>>;
  items?: JsonSchema;
  minItems?: number;
  anyOf?: readonly JsonSchema[];
  allOf?: readonly JsonSchema[];
  if?: JsonSchema;
  then?: JsonSchema;
  else?: JsonSchema;
  const?: unknown;
  enum?: readonly unknown[];
  enumDescriptions?: readonly string[];
  markdownEnumDescriptions?: readonly string[];
  examples?: readonly unknown[];
  defaultSnippets?: readonly { readonly label: string; readonly description: string; readonly body: unknown }[];
  pattern?: string;
  patternErrorMessage?: string;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  /** Not of JSON Schema: what stands here, which `vocabulary.ts` takes away. */
  holds?: Holding;
};
