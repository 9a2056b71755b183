import { createHmac } from "node:crypto";
import type { Delivery, DeliveryResult, Sink, SinkLimits } from "@millrace/engine";

export type WebhookBody = { readonly contentType: string; readonly bytes: Uint8Array };

export type WebhookOptions = {
  /** `https:`, or `http:` on loopback. */
  readonly url: URL;
  /** What signs each request, at least 24 bytes, from the environment; several while one takes the place of another. Empty: nothing is signed. */
  readonly secrets: readonly Uint8Array[];
  /** What is posted of a record. @throws what then refuses the record, as `unrenderable` */
  readonly render: (record: Delivery) => WebhookBody;
  /** Milliseconds since the epoch, for the signature. */
  readonly clock?: () => number;
  /** Requests at the same time for one partition. */
  readonly requests?: number;
  /** How long the body of an answer may take, ms. */
  readonly answerMs?: number;
};

/** Of an answer, so much is kept for the dead letter. */
const answerBytes = 1000;
/** More of an answer than that is not worth its connection, nor longer. */
const drainedBytes = 64 << 10;
const defaultAnswerMs = 1000;

/**
 * Posts each record to one address, signed as Standard Webhooks says (standardwebhooks.com, 1.0.0): `webhook-id` is the record's own, the same whenever it is
 * posted again, so that a receiver can tell; `webhook-timestamp` is of the attempt; `webhook-signature` has a `v1,` for each secret. 2xx: delivered. 408, 425,
 * 429, 5xx and a line that breaks: again later, not before `Retry-After`. Anything else, redirects too: refused with what was answered.
 */
export class WebhookSink implements Sink {
  readonly limits: SinkLimits;
  readonly #options;
  readonly #clock: () => number;

  /** @throws {TypeError} when the address is neither `https:` nor on loopback, or has a login in it */
  constructor(options: WebhookOptions) {
    const { requests = 8, clock = Date.now } = options;
    checkUrl(options.url);
    this.#options = options;
    this.#clock = clock;
    this.limits = { records: requests, bytes: 4 << 20, calls: 1 };
  }

  deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    return Promise.all(batch.map((record) => this.#post(record, signal)));
  }

  async close(): Promise<void> {}

  async #post(record: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    const { url, render, answerMs = defaultAnswerMs } = this.#options;
    let body: WebhookBody;
    try {
      body = render(record);
    } catch (error) {
      return { kind: "refused", reason: "unrenderable", answer: messageOf(error) };
    }
    const headers = { "content-type": body.contentType, "user-agent": "millrace", ...this.#signed(record.id, body.bytes) };
    try {
      const response = await fetch(url, { method: "POST", headers, body: Buffer.from(body.bytes), redirect: "manual", signal });
      const { status } = response;
      if (response.ok) {
        // Read to its end, so that the connection can be used again: one that is let go of before is closed. What breaks here has been taken.
        await firstOf(response, drainedBytes, answerMs).catch(() => undefined);
        return { kind: "delivered" };
      }
      const answer = await firstOf(response, answerBytes, answerMs);
      if (status === 408 || status === 425 || status === 429 || status >= 500) {
        const afterMs = this.#retryAfterMs(response.headers.get("retry-after"));
        return { kind: "retry", reason: `http-${status}`, ...(afterMs === undefined ? {} : { afterMs }) };
      }
      return { kind: "refused", reason: `http-${status}`, answer };
    } catch (error) {
      return { kind: "retry", reason: messageOf(error), unanswered: true };
    }
  }

  #signed(id: string, body: Uint8Array): Record<string, string> {
    const { secrets } = this.#options;
    const timestamp = String(Math.floor(this.#clock() / 1000));
    const signatures = secrets.map((secret) => {
      const mac = createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest("base64");
      return `v1,${mac}`;
    });
    return {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      ...(signatures.length === 0 ? {} : { "webhook-signature": signatures.join(" ") }),
    };
  }

  /** Seconds or a date (RFC 9110, 10.2.3); undefined for neither. */
  #retryAfterMs(text: string | null): number | undefined {
    if (text === null) return undefined;
    const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - this.#clock();
    return Number.isFinite(ms) ? Math.min(Math.max(0, ms), mostRetryAfterMs) : undefined;
  }
}

/** Whatever the other side asks for: it is asked again by then. */
const mostRetryAfterMs = 300_000;

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function checkUrl({ protocol, hostname, username, password }: URL): void {
  if (protocol !== "https:" && !(protocol === "http:" && loopback.test(hostname)))
    throw new TypeError("a webhook is posted to by https:, or by http: on this machine");
  // It would stand in every message about the request.
  if (username !== "" || password !== "") throw new TypeError("the address of a webhook has no login in it: sign the requests");
}

/** What has come of a body within bytes and time; the status has said what counts, so nobody waits for the rest. */
async function firstOf(response: Response, mostBytes: number, withinMs: number): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  // What is being read ends by that.
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), withinMs);
  try {
    while (length < mostBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
  return Buffer.concat(parts).subarray(0, mostBytes).toString("utf8");
}

/** The cause says more than "fetch failed". */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
