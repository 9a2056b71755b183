import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";

/** What came back: a whole answer, or none, in which case nobody knows whether the request was taken. */
export type Exchange =
  | { readonly kind: "answered"; readonly status: number; readonly headers: Headers; readonly body: string }
  | { readonly kind: "lost"; readonly why: string };

export type ServerDoorOptions = {
  /** The server's base URL, without a slash at its end. */
  readonly to: string;
  /** Sent as `Authorization: Bearer`. */
  readonly key: string | null;
  /** Ends a request that is under way, after `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs?: number;
  /** How long an answer may take. */
  readonly timeoutMs?: number;
};

const gzipped = promisify(gzip);

/** Requests to one server, one at a time; a failure of the network is an answer too, never an exception. */
export class ServerDoor {
  readonly to: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #packs: boolean;
  #underWay: AbortController | undefined;
  #stopped = false;
  readonly #timeoutMs: number;

  constructor({ to, key, signal, graceMs = 3000, timeoutMs = 30_000 }: ServerDoorOptions) {
    this.to = to;
    this.#headers = key === null ? {} : { authorization: `Bearer ${key}` };
    this.#packs = !/^(localhost|127\.|\[::1\])/.test(new URL(to).hostname);
    this.#timeoutMs = timeoutMs;
    const stop = (): void => void setTimeout(() => this.#stop(), graceMs).unref();
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  }

  /** Posts JSON; gzip'd unless the server is on this machine, where packing costs more than it saves. */
  async post(path: string, json: string): Promise<Exchange> {
    const headers = { ...this.#headers, "content-type": "application/json" };
    if (!this.#packs) return this.#exchange(path, { method: "POST", headers, body: json });
    const body = new Uint8Array(await gzipped(json, { level: constants.Z_BEST_SPEED }));
    return this.#exchange(path, { method: "POST", headers: { ...headers, "content-encoding": "gzip" }, body });
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Exchange> {
    return this.#exchange(path, { headers: { ...this.#headers, accept: "application/json", ...headers } });
  }

  #stop(): void {
    this.#stopped = true;
    this.#underWay?.abort();
  }

  async #exchange(path: string, init: RequestInit): Promise<Exchange> {
    if (this.#stopped) return { kind: "lost", why: "stopped" };
    const ending = new AbortController();
    this.#underWay = ending;
    const timer = setTimeout(() => ending.abort(new DOMException("no answer in time", "TimeoutError")), this.#timeoutMs);
    try {
      const response = await fetch(`${this.to}${path}`, { ...init, signal: ending.signal, redirect: "manual" });
      return { kind: "answered", status: response.status, headers: response.headers, body: await response.text() };
    } catch (error) {
      return { kind: "lost", why: whyLost(error) };
    } finally {
      clearTimeout(timer);
    }
  }
}

function whyLost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return error.message;
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
