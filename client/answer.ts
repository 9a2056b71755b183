import { type EventFault, MillraceError } from "./millrace-error.ts";

/** One row of the gateway's `results`. */
export type Result = {
  readonly i: number;
  readonly status: "accepted" | "duplicate" | "rejected" | "retry";
  readonly token?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly pointer?: string;
  readonly didYouMean?: string;
  readonly errors?: readonly EventFault[];
  readonly retryAfterMs?: number;
  readonly warnings?: readonly { readonly code: string; readonly pointer: string; readonly detail: string }[];
};

/** What an answer to posted events means for them. */
export type Meaning =
  | { readonly kind: "results"; readonly results: readonly Result[] }
  /** The same request again, later. */
  | { readonly kind: "again"; readonly error: MillraceError }
  /** The same events in smaller requests: one that is alone is refused. */
  | { readonly kind: "split"; readonly error: MillraceError }
  | { readonly kind: "refused"; readonly error: MillraceError };

const passing: ReadonlySet<number> = new Set([408, 409, 425, 429, 500, 502, 503, 504]);
const ofOneEvent: ReadonlySet<number> = new Set([400, 413]);

/** Reads an answer by its status; only whole answers of the gateway have results. */
export function meaningOf(status: number, text: string, url: string): Meaning {
  const body = parsed(text);
  const results = Array.isArray(body?.["results"]) ? (body["results"] as readonly Result[]) : undefined;
  if (results !== undefined && (status === 200 || status === 202 || status === 207 || status === 422)) return { kind: "results", results };
  const error = problemOf(status, body, url);
  // Some of these events are on the log: the others say `retry`.
  if (results !== undefined && passing.has(status))
    return results.some((one) => one.status !== "retry") ? { kind: "results", results } : { kind: "again", error };
  if (passing.has(status)) return { kind: "again", error };
  return { kind: ofOneEvent.has(status) ? "split" : "refused", error };
}

/** The problem that an answer tells, or that it is none of ours. */
export function problemOf(status: number, body: Partial<Readonly<Record<string, unknown>>> | undefined, url: string): MillraceError {
  const text = (name: string): string | undefined => (typeof body?.[name] === "string" ? body[name] : undefined);
  const type = text("type");
  const retryable = passing.has(status);
  if (type === undefined || !type.startsWith("/problems/"))
    return new MillraceError(`${url} answers ${status}, and not as a gateway of Millrace does`, {
      code: "unexpected_answer",
      status,
      retryable,
    });
  const code = type.slice(type.lastIndexOf("/") + 1);
  const message = `${text("title") ?? code}: ${text("detail") ?? ""}`;
  return new MillraceError(message, {
    code,
    status,
    retryable,
    docs: new URL(type, url).href,
    requestId: text("requestId"),
    didYouMean: text("didYouMean"),
  });
}

/** Why an event was refused. */
export function rejectionOf(
  { code = "rejected", detail = "", pointer, didYouMean, errors }: Result,
  eventId: string,
  status: number,
): MillraceError {
  const where = pointer === undefined || pointer === "" ? "" : `${pointer} `;
  return new MillraceError(`${code}: ${where}${detail}`, { code, status, pointer, didYouMean, eventId, errors, retryable: false });
}

export function parsed(text: string): Partial<Readonly<Record<string, unknown>>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Partial<Readonly<Record<string, unknown>>>) : undefined;
  } catch {
    return undefined;
  }
}
