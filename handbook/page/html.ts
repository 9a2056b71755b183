/** Markup that was made here; a text is none before it is escaped. */
export type Markup = { readonly markup: string };

type Value = Markup | string | number | undefined | readonly Value[];

/** Markup with values in it: texts are escaped, wherever they stand, and lists stand one behind the other. Attributes are always quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return { markup: strings.reduce((all, part, i) => all + part + (i < values.length ? markupOf(values[i]) : ""), "") };
}

function markupOf(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "object") return "markup" in value ? value.markup : value.map(markupOf).join("");
  return escaped(String(value));
}

const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => names[character]!);

/** A sentence whose parts between backticks are code. */
export const prose = (text: string): Markup => html`${text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`;
