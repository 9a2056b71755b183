import type { ExpressionType } from "../expressions/expression-type.ts";

/** The type at a path through records, or nothing; a null on the way makes it nullable. */
export function fieldTypeAt(type: ExpressionType, path: string): ExpressionType | undefined {
  let at: ExpressionType = type;
  let mayBeNull = false;
  for (const name of path.split(".")) {
    if (at.kind === "nullable") {
      mayBeNull = true;
      at = at.of;
    }
    const found: ExpressionType | undefined = at.kind === "record" ? at.fields.find((field) => field.name === name)?.type : undefined;
    if (found === undefined) return undefined;
    at = found;
  }
  return mayBeNull && at.kind !== "nullable" && at.kind !== "null" && at.kind !== "unknown" ? { kind: "nullable", of: at } : at;
}

/** Paths without those that lie within another; all of the value when the empty path is among them. */
export function outermost(paths: Iterable<string>): readonly string[] {
  const all = [...new Set(paths)].sort();
  if (all.includes("")) return [""];
  return all.filter((path) => !all.some((other) => other !== path && path.startsWith(`${other}.`)));
}
