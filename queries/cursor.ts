import { hash } from "node:crypto";
import type { QueryRequest, RowPosition } from "./query-request.ts";

type Question = Pick<QueryRequest, "query" | "filters">;

/** An opaque text for a position in the rows of one question: query and filters. It holds a key, so rows that come or go before it move nothing. */
export function formatCursor({ windowStart, key, rows }: RowPosition, question: Question): string {
  return Buffer.from(JSON.stringify([1, markOf(question), windowStart, key, rows])).toString("base64url");
}

/** The position of a cursor that was made for the same question; undefined for any other text. */
export function parseCursor(text: string, question: Question): RowPosition | undefined {
  if (!/^[A-Za-z0-9_-]{1,6000}$/.test(text)) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown;
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 5) return undefined;
  const [version, mark, windowStart, key, rows] = parts as readonly unknown[];
  if (version !== 1 || mark !== markOf(question) || typeof key !== "string" || !key.isWellFormed()) return undefined;
  if (!Number.isSafeInteger(windowStart) || (windowStart as number) < -1 || !Number.isSafeInteger(rows) || (rows as number) < 0)
    return undefined;
  return { windowStart: windowStart as number, key, rows: rows as number };
}

/** Tells questions apart; a slip of the client's, not an attack, is what it is for. */
const markOf = ({ query, filters }: Question): string => {
  const sorted = filters.map(([column, texts]) => JSON.stringify([column, texts.toSorted()])).toSorted();
  return hash("sha256", JSON.stringify([query, sorted]), "base64url").slice(0, 12);
};
