export type BodyFormat = "json" | "ndjson";

/** How the body of each media type is read. */
export const bodyFormats: Readonly<Record<string, BodyFormat>> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
};
export const acceptedTypes = "application/json, application/x-ndjson";

/** What `curl -d` says when it is told nothing: read as JSON for developers only. */
const curlDefault = "application/x-www-form-urlencoded";
const charset = /;\s*charset\s*=\s*"?([^";\s]*)"?/i;

/** How to read a body by its `Content-Type`, or undefined if it is not read here; a charset other than UTF-8 is not. */
export function formatOf(contentType: string | undefined, developer: boolean): BodyFormat | undefined {
  if (contentType === "application/json") return "json";
  if (contentType === undefined) return developer ? "json" : undefined;
  const named = charset.exec(contentType)?.[1];
  if (named !== undefined && !/^utf-?8$/i.test(named)) return undefined;
  const name = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (name === curlDefault) return developer ? "json" : undefined;
  return Object.hasOwn(bodyFormats, name) ? bodyFormats[name] : undefined;
}
