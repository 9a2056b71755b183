import { DlqError } from "./dlq-error.ts";

export type LettersDoorOptions = {
  /** The server's base URL, without a slash at its end. */
  readonly url: string;
  readonly key: string | null;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
};

/** The server's doors for dead letters; what is not answered as asked is a `DlqError` in the server's words. */
export class LettersDoor {
  readonly #options;

  constructor(options: LettersDoorOptions) {
    this.#options = options;
  }

  get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const query = new URLSearchParams(parameters).toString();
    return this.#ask(`/v1/dead-letters${path}${query === "" ? "" : `?${query}`}`, {});
  }

  post(path: string, body: unknown): Promise<unknown> {
    return this.#ask(`/v1/dead-letters${path}`, { method: "POST", body: JSON.stringify(body) });
  }

  async #ask(path: string, init: Pick<RequestInit, "method" | "body">): Promise<unknown> {
    const { url, key, signal, timeoutMs = 90_000 } = this.#options;
    const headers = {
      accept: "application/json",
      "content-type": "application/json",
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    };
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url}${path}`, {
        ...init,
        headers,
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      text = await response.text();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new DlqError("DLQ_NO_SERVER", `${url} does not answer (${whyLost(error)}); start it (millrace dev), or say where it is: --url`);
    }
    const body = parsed(text);
    if (response.ok && body !== undefined) return body;
    const { detail } = (body ?? {}) as { detail?: unknown };
    const why = typeof detail === "string" ? detail : `status ${response.status}`;
    if (response.status === 401)
      throw new DlqError(
        "DLQ_NOT_ALLOWED",
        key === null
          ? `${why}; give the key: --key, or MILLRACE_KEY`
          : `the key (--key, or MILLRACE_KEY) is not the one that ${url} was started with`,
      );
    if (response.status === 403) throw new DlqError("DLQ_NOT_ALLOWED", why);
    if (response.ok || (response.status === 404 && body === undefined))
      throw new DlqError("DLQ_NO_SERVER", `${url} is no Millrace, or an older one: ${path} answered ${response.status}`);
    throw new DlqError("DLQ_REFUSED", why);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function whyLost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
