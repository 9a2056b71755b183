import { setTimeout as pause } from "node:timers/promises";
import type { Delivery, DeliveryResult, Sink, SinkLimits } from "@millrace/engine";

/** Of a webhook its address is the secret and says the channel; by token the channel is named, and the message is posted by chat.postMessage. */
export type SlackTarget =
  | { readonly kind: "webhook"; readonly url: URL }
  | { readonly kind: "api"; readonly token: string; readonly channel: string; readonly url?: URL };

export type SlackMessage = {
  /** Stands in notifications, and where blocks cannot be shown. */
  readonly text: string;
  /** Block Kit (docs.slack.dev/reference/block-kit). */
  readonly blocks?: readonly object[];
};

export type SlackOptions = {
  /** From the environment: neither a webhook's address nor a token is ever logged or part of a result. */
  readonly target: SlackTarget;
  /** What is said of a record. @throws what then refuses the record, as `unrenderable` */
  readonly render: (record: Delivery) => SlackMessage;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Least time between two messages: Slack takes one a second and channel. */
  readonly everyMs?: number;
};

const defaultApi = new URL("https://slack.com/api/chat.postMessage");
/** Words that say nothing of the message: Slack is busy or broken, or the login is (docs.slack.dev/reference/methods/chat.postMessage, errors). */
const passing = new Set(
  [
    "ratelimited rate_limited message_limit_exceeded",
    "fatal_error internal_error service_unavailable request_timeout team_added_to_org unreadable",
    "no_service no_active_hooks no_team team_disabled",
    "not_authed invalid_auth invalid_token token_expired token_revoked account_inactive",
  ].flatMap((words) => words.split(" ")),
);
/** Less than the time of a call; who would wait longer comes again. */
const mostWaitMs = 20_000;
const mostRetryAfterMs = 300_000;
const answerChars = 1000;
/** Longer ones Slack cuts. */
const mostTextChars = 40_000;

/**
 * Says each record in one channel of Slack, by an incoming webhook or chat.postMessage, at the pace that Slack takes. Slack drops no repeats: a message is said
 * at least once, with the record's id in its metadata (`event_payload.id`), by which a reader can tell. 429 waits as long as asked, for every partition; 5xx, a
 * broken line and a login that Slack does not know are tried again; any other answer refuses the record [D60–D64].
 */
export class SlackSink implements Sink {
  readonly limits: SinkLimits = { records: 1, bytes: 1 << 20, calls: 1 };
  readonly #target;
  readonly #render;
  readonly #clock: () => number;
  readonly #everyMs: number;
  #nextMs = 0;
  #pausedUntilMs = 0;

  /** @throws {TypeError} when the address is neither `https:` nor on loopback */
  constructor({ target, render, clock = Date.now, everyMs = 1000 }: SlackOptions) {
    this.#target = target;
    this.#render = render;
    this.#clock = clock;
    this.#everyMs = everyMs;
    const { protocol, hostname } = urlOf(target);
    if (protocol !== "https:" && !(protocol === "http:" && loopback.has(hostname)))
      throw new TypeError("Slack is spoken to by https only, but on loopback");
  }

  async deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    for (const record of batch) results.push(await this.#say(record, signal));
    return results;
  }

  async close(): Promise<void> {}

  async #say(record: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    let body: string;
    try {
      body = this.#bodyOf(record);
    } catch (error) {
      return { kind: "refused", reason: "unrenderable", answer: messageOf(error) };
    }
    const laterMs = await this.#turn(signal);
    if (laterMs > 0) return { kind: "retry", reason: "slack-pace", afterMs: laterMs };
    return this.#post(body, signal);
  }

  /** Waits until this message may be said, since partitions share the channel; answers in how many ms it shall come again, 0 when it is its turn. */
  async #turn(signal: AbortSignal): Promise<number> {
    const now = this.#clock();
    const at = Math.max(now, this.#nextMs, this.#pausedUntilMs);
    if (at - now > mostWaitMs) return at - now;
    this.#nextMs = at + this.#everyMs;
    if (at > now) await pause(at - now, undefined, { signal });
    // Slack may have asked for a pause meanwhile. A timer can be early by less than one.
    const leftMs = this.#pausedUntilMs - this.#clock();
    return leftMs > 1 ? leftMs : 0;
  }

  async #post(body: string, signal: AbortSignal): Promise<DeliveryResult> {
    const target = this.#target;
    const headers = {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "millrace",
      ...(target.kind === "api" ? { authorization: `Bearer ${target.token}` } : {}),
    };
    let status: number;
    let retryAfter: string | null;
    let answer: string;
    try {
      const response = await fetch(urlOf(target), { method: "POST", headers, body, redirect: "manual", signal });
      status = response.status;
      retryAfter = response.headers.get("retry-after");
      if (target.kind === "webhook" && status === 200) {
        // It is said: whoever waits for an answer that does not end says it again and again.
        await response.body?.cancel().catch(() => undefined);
        return { kind: "delivered" };
      }
      answer = await response.text();
    } catch (error) {
      return { kind: "retry", reason: messageOf(error), unanswered: true };
    }
    return this.#resultOf(status, retryAfter, answer);
  }

  #resultOf(status: number, retryAfter: string | null, answer: string): DeliveryResult {
    if (status === 429 || status === 408 || status >= 500) {
      const afterMs = retryAfterMsOf(retryAfter);
      if (afterMs !== undefined) this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock() + afterMs);
      return { kind: "retry", reason: `http-${status}`, ...(afterMs === undefined ? {} : { afterMs }) };
    }
    const said = this.#errorIn(answer);
    if (said === undefined) return { kind: "delivered" };
    if (passing.has(said)) return { kind: "retry", reason: `slack-${said}` };
    const reason = /^[a-z_]{1,60}$/.test(said) ? `slack-${said}` : `http-${status}`;
    return { kind: "refused", reason, answer: answer.slice(0, answerChars) };
  }

  /** Undefined when the message was taken. A webhook answers `ok` or a word; the API answers 200 with `ok: false` and a word. */
  #errorIn(answer: string): string | undefined {
    if (this.#target.kind === "webhook") return answer.trim();
    const { ok, error } = jsonOf(answer);
    if (ok === true) return undefined;
    // Somebody between here and Slack.
    return typeof error === "string" ? error : "unreadable";
  }

  #bodyOf(record: Delivery): string {
    const { text, blocks } = this.#render(record);
    if (text === "") throw new RangeError("a message without text");
    if (text.length > mostTextChars) throw new RangeError(`a text of ${text.length} characters; Slack takes ${mostTextChars}`);
    const target = this.#target;
    return JSON.stringify({
      ...(target.kind === "api" ? { channel: target.channel } : {}),
      text,
      ...(blocks === undefined ? {} : { blocks }),
      metadata: { event_type: "millrace_record", event_payload: { id: record.id } },
    });
  }
}

/** The three characters that Slack reads as its own (docs.slack.dev/messaging/formatting-message-text): with them escaped a value can neither call a channel nor make a link. */
export function slackText(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

function urlOf(target: SlackTarget): URL {
  return target.url ?? defaultApi;
}

/** Slack writes seconds. */
function retryAfterMsOf(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text.trim()) ? Math.min(Number(text) * 1000, mostRetryAfterMs) : undefined;
}

function jsonOf(text: string): { readonly ok?: unknown; readonly error?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** The cause says more than "fetch failed"; neither names the address. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
