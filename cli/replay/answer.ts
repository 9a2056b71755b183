/** What the gateway says of one event. */
export type EventResult = {
  readonly status: "accepted" | "duplicate" | "rejected" | "retry";
  readonly token?: string;
  readonly code?: string;
  readonly pointer?: string;
  readonly detail?: string;
  readonly retryAfterMs?: number;
};

/**
 * Reads the results of a request of `count` events, in the order of the request, or undefined where the body holds none.
 * An event of which nothing is said is to be sent again: its id makes that safe.
 */
export function readResults(body: string, count: number): EventResult[] | undefined {
  const answer = parseJson(body);
  if (!isObject(answer) || !Array.isArray(answer["results"])) return undefined;
  const results = Array.from<unknown, EventResult>({ length: count }, () => ({ status: "retry", code: "no_result" }));
  for (const [place, one] of (answer["results"] as unknown[]).entries()) {
    if (!isObject(one)) continue;
    const i = typeof one["i"] === "number" ? one["i"] : place;
    if (i in results) results[i] = readResult(one);
  }
  return results;
}

function readResult(one: Readonly<Record<string, unknown>>): EventResult {
  const { status, retryAfterMs } = one as { status?: unknown; retryAfterMs?: unknown };
  const rest: { token?: string; code?: string; pointer?: string; detail?: string } = {};
  for (const name of ["token", "code", "pointer", "detail"] as const) {
    const value = one[name];
    if (typeof value === "string") rest[name] = value;
  }
  if (status === "accepted" || status === "duplicate" || status === "rejected") return { status, ...rest };
  if (status === "retry") return { status, ...rest, ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}) };
  return { ...rest, status: "rejected", code: "unknown_status", detail: `the server answered status ${JSON.stringify(status)}` };
}

/** What a problem document (RFC 9457) or any other body says, in one line. */
export function problemText(body: string): string {
  const problem = parseJson(body);
  const said = isObject(problem) ? [problem["title"], problem["detail"]].filter((one) => typeof one === "string").join(": ") : "";
  return said === "" ? body.slice(0, 200).replaceAll(/\s+/g, " ").trim() : said;
}

/** `Retry-After` (seconds or an HTTP date) as milliseconds from `now`; undefined where there is none. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
