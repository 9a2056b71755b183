import type { OpenApi } from "../openapi/openapi.ts";
import type { Part } from "../openapi/answers.ts";
import { html, type Markup, prose } from "./html.ts";

export type Schema = Part & {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly description?: string;
};

/** One field of an event or row as the page shows it. */
type Line = { readonly path: string; readonly schema: Schema; readonly required: boolean };

/** The fields of an object, those of objects within it behind them, as rows of a table. */
export function schemaTable(schema: Part, { components }: OpenApi, caption: string): Markup {
  const lines = linesOf(schema as Schema, { components, prefix: "", seen: [] });
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table>
      <caption class="spoken">
        ${caption}
      </caption>
      <thead>
        <tr>
          <th scope="col">field</th>
          <th scope="col">what it is</th>
          <th scope="col">meaning</th>
        </tr>
      </thead>
      <tbody>
        ${lines.map(
          ({ path, schema: field, required }) =>
            html`<tr>
              <th scope="row"><code>${path}</code>${required ? "" : html` <span class="quiet">optional</span>`}</th>
              <td>${typeWords(field, components)}</td>
              <td>${prose(field.description ?? "")}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

type Walk = { readonly components: OpenApi["components"]; readonly prefix: string; readonly seen: readonly string[] };

function linesOf(schema: Schema, walk: Walk): readonly Line[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = walk.prefix === "" ? name : `${walk.prefix}.${name}`;
    const line = { path, schema: field, required: required.includes(name) };
    const inner = innerOf(field, walk.components);
    if (inner === undefined || walk.seen.includes(inner.name)) return [line];
    return [line, ...linesOf(inner.schema, { ...walk, prefix: `${path}${inner.list ? "[]" : ""}`, seen: [...walk.seen, inner.name] })];
  });
}

/** The object that a field holds, directly, as what may be null, or in a list; money explains itself. */
function innerOf(
  field: Schema,
  components: OpenApi["components"],
): { readonly name: string; readonly schema: Schema; readonly list: boolean } | undefined {
  const resolved = resolve(field, components);
  const name = nameOf(field) ?? "";
  if (isMoney(name)) return undefined;
  if (resolved.properties !== undefined)
    return { name: name === "" ? JSON.stringify(Object.keys(resolved.properties)) : name, schema: resolved, list: false };
  const one = resolved.anyOf?.find(({ type }) => type !== "null");
  if (one !== undefined && resolved.anyOf!.length === 2) return innerOf(one, components);
  const item = resolved.items === undefined ? undefined : innerOf(resolved.items, components);
  return item === undefined ? undefined : { ...item, list: true };
}

const isMoney = (name: string): boolean => name === "Money" || name.startsWith("Price") || name.startsWith("MoneyFrom");
export const nameOf = ({ $ref }: Schema): string | undefined => $ref?.slice($ref.lastIndexOf("/") + 1);

export function resolve(schema: Part, components: OpenApi["components"]): Schema {
  const name = nameOf(schema as Schema);
  return name === undefined ? (schema as Schema) : { ...(components.schemas[name] as Schema), ...schema };
}

/** What a value of the schema is, in a few words. */
export function typeWords(schema: Part, components: OpenApi["components"]): string {
  const name = nameOf(schema as Schema) ?? "";
  if (name === "Key") return "text, 1–128 bytes";
  if (name === "Time") return "time (RFC 3339)";
  if (isMoney(name)) return `{ amount, currency }${name === "Price" ? ", at least 0" : ""}`;
  const found = resolve(schema, components);
  if (found.enum !== undefined) return found.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (found["const"] !== undefined) return JSON.stringify(found["const"]);
  if (found.anyOf !== undefined) return [...new Set(found.anyOf.map((one) => typeWords(one, components)))].join(" or ");
  if (found.items !== undefined) return `list of ${typeWords(found.items, components)}`;
  const type = Array.isArray(found.type) ? found.type.join(" or ") : ((found.type as string | undefined) ?? "any JSON");
  return `${plain[type] ?? type}${bounds(found)}`;
}

const plain: Readonly<Record<string, string>> = { string: "text", integer: "whole number", boolean: "true or false" };

function bounds({ minimum, maximum, maxLength, not }: Schema): string {
  const told = [
    ...(typeof minimum === "number" && minimum > -2_147_483_648 ? [`at least ${minimum}`] : []),
    ...(typeof maximum === "number" && maximum < 2_147_483_647 ? [`at most ${maximum}`] : []),
    ...(typeof maxLength === "number" && maxLength < 16_384 ? [`at most ${maxLength} characters`] : []),
    ...(not === undefined ? [] : ["not 0"]),
  ];
  return told.length === 0 ? "" : `, ${told.join(", ")}`;
}
