import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A row of `docs/errors.md`. */
export type ToldCode = { readonly code: string; readonly meaning: string; readonly remedy: string };

/** What `docs/errors.md` says of all that a client is answered with. */
export type ErrorsPage = {
  /** By slug. */
  readonly gateway: ReadonlyMap<string, ToldCode>;
  readonly queries: ReadonlyMap<string, ToldCode>;
  readonly events: readonly ToldCode[];
};

const file = fileURLToPath(new URL("../../docs/errors.md", import.meta.url));

export function readErrorsPage(text: string = readFileSync(file, "utf8")): ErrorsPage {
  const sections = new Map(text.split(/^##+ /m).map((part) => [part.slice(0, part.indexOf("\n")).split(":", 1)[0]!, part] as const));
  const gateway = rowsOf(sections.get("Problems"));
  // Codes in capitals are told beside a slug, or in the log.
  const queries = rowsOf(sections.get("Queries")).filter(({ code }) => code === code.toLowerCase());
  const bySlug = (rows: readonly ToldCode[]): ReadonlyMap<string, ToldCode> => new Map(rows.map((row) => [row.code, row]));
  return { gateway: bySlug(gateway), queries: bySlug(queries), events: rowsOf(sections.get("Codes of single events")) };
}

/** The rows of a section's table; a status in front of a meaning is told elsewhere. */
function rowsOf(section = ""): readonly ToldCode[] {
  return [...section.matchAll(/^\| `([^`]+)` \| (.+?) \| (.+?) \|$/gm)].map(([, code, meaning, remedy]) => ({
    code: code!,
    meaning: sentence(meaning!.replace(/^\d{3}: /, "")),
    remedy: sentence(remedy!),
  }));
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
