import { setTimeout as sleep } from "node:timers/promises";
import { parsed, problemOf } from "./answer.ts";
import { type BackoffLimits, pauseMs, retryAfterMs } from "./backoff.ts";
import { EventStreamReader, type StreamEvent } from "./event-stream.ts";
import { MillraceError } from "./millrace-error.ts";

/** Filters by column, and the parameters of queries (`from`, `to`, `order`, `limit`, `cursor`); a list finds any of its values. */
export type QueryParameters = { readonly [name: string]: string | number | boolean | readonly (string | number | boolean)[] | undefined };

export type QueryOptions = {
  /** Tokens of receipts: the answer waits until it shows these events. */
  readonly after?: string | readonly string[];
  /** How long it waits for them, s; 2 unless said, 60 at most. */
  readonly waitSeconds?: number;
  readonly signal?: AbortSignal;
};

/** A page of rows. */
export type QueryPage<Row = Readonly<Record<string, unknown>>> = {
  readonly query: string;
  readonly key: readonly string[];
  readonly schema: readonly { readonly name: string; readonly type: string; readonly nullable: boolean; readonly unit?: string }[];
  readonly rows: readonly Row[];
  readonly asOf: { readonly streamTime: string | null; readonly offsets: Readonly<Record<string, Readonly<Record<string, string>>>> };
  readonly complete: boolean;
  /** The `cursor` of the next page. */
  readonly next: string | null;
};

export type StreamOptions = { readonly lastEventId?: string; readonly signal?: AbortSignal };

export type QuestionsOptions = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly backoff: BackoffLimits;
};

/** A question that fails in passing is asked so often. */
const attempts = 4;
/** The server sends something every 15 s at the latest: a stream that is silent for longer is dead. */
const silentMs = 45_000;

/** Asks the queries. */
export class Questions {
  readonly #options: QuestionsOptions;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  async page<Row>(name: string, parameters: QueryParameters, { after, waitSeconds, signal }: QueryOptions): Promise<QueryPage<Row>> {
    const { headers, timeoutMs } = this.#options;
    const search = searchOf(parameters);
    if (after !== undefined && after.length > 0) search.set("after", typeof after === "string" ? after : after.join(","));
    const address = this.#address(name, "", search);
    const wait = waitSeconds === undefined ? {} : { Prefer: `wait=${waitSeconds}` };
    for (let attempt = 0; ; attempt++) {
      const limit = AbortSignal.timeout(timeoutMs + (waitSeconds ?? 2) * 1000);
      const failed = await this.#asked(address, {
        headers: { ...headers, ...wait, Accept: "application/json" },
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
        caller: signal,
      });
      if (failed.kind === "answer") return failed.body as QueryPage<Row>;
      if (!failed.error.retryable || attempt + 1 >= attempts) throw failed.error;
      await this.#pause(attempt, failed.askedMs, signal);
    }
  }

  /** Never ends by itself; comes back by itself, and goes on where it was. */
  async *stream(name: string, parameters: QueryParameters, { lastEventId = "", signal }: StreamOptions): AsyncGenerator<StreamEvent, void> {
    const address = this.#address(name, "/stream", searchOf(parameters));
    let last = lastEventId;
    for (let failures = 0; ; failures++) {
      signal?.throwIfAborted();
      // Whoever stops reading lets the connection go.
      const ended = new AbortController();
      let askedMs: number | undefined;
      try {
        for await (const event of this.#connection(address, { last, ended, signal, asked: (ms) => void (askedMs = ms) })) {
          failures = -1;
          // Behind a reset it is empty: what is gone on with then is nothing, and all rows are told anew.
          last = event.id;
          yield event;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof MillraceError && !error.retryable) throw error;
      } finally {
        ended.abort();
      }
      await this.#pause(Math.max(0, failures), failures < 0 ? Math.min(askedMs ?? 1000, 1000) : askedMs, signal);
    }
  }

  async *#connection(
    address: string,
    given: {
      readonly last: string;
      readonly ended: AbortController;
      readonly signal: AbortSignal | undefined;
      readonly asked: (ms: number | undefined) => void;
    },
  ): AsyncGenerator<StreamEvent> {
    const { last, ended, signal, asked } = given;
    const { headers } = this.#options;
    const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    let alarm = setTimeout(() => ended.abort(), silentMs);
    try {
      const resumed = last === "" ? {} : { "Last-Event-ID": last };
      const response = await fetch(address, {
        headers: { ...headers, ...resumed, Accept: "text/event-stream" },
        signal: either,
        redirect: "manual",
      });
      asked(retryAfterMs(response.headers.get("retry-after"), Date.now()));
      if (response.status !== 200) throw problemOf(response.status, parsed(await response.text()), address);
      const reader = new EventStreamReader(last);
      for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
        clearTimeout(alarm);
        alarm = setTimeout(() => ended.abort(), silentMs);
        yield* reader.read(text);
        asked(reader.retryMs);
      }
    } finally {
      clearTimeout(alarm);
    }
  }

  async #asked(
    address: string,
    {
      headers,
      signal,
      caller,
    }: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal; readonly caller: AbortSignal | undefined },
  ): Promise<
    | { readonly kind: "answer"; readonly body: unknown }
    | { readonly kind: "failed"; readonly error: MillraceError; readonly askedMs: number | undefined }
  > {
    try {
      const response = await fetch(address, { headers, signal, redirect: "manual" });
      const body = parsed(await response.text());
      if (response.status === 200 && body !== undefined) return { kind: "answer", body };
      return {
        kind: "failed",
        error: problemOf(response.status, body, address),
        askedMs: retryAfterMs(response.headers.get("retry-after"), Date.now()),
      };
    } catch (cause) {
      caller?.throwIfAborted();
      const code = signal.aborted ? "timeout" : "unreachable";
      return {
        kind: "failed",
        error: new MillraceError(
          `${address} ${code === "timeout" ? "did not answer in time" : "was not reached"}`,
          { code, retryable: true },
          cause,
        ),
        askedMs: undefined,
      };
    }
  }

  #address(name: string, more: string, search: URLSearchParams): string {
    return `${this.#options.url}/v1/queries/${encodeURIComponent(name)}${more}${search.size === 0 ? "" : `?${search.toString()}`}`;
  }

  async #pause(attempt: number, askedMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const ms = pauseMs(attempt, { limits: this.#options.backoff, askedMs, roll: Math.random() });
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  }
}

function searchOf(parameters: QueryParameters): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value)
      ? (value as readonly (string | number | boolean)[])
      : [value as string | number | boolean | undefined])
      if (one !== undefined) search.append(name, String(one));
  }
  return search;
}
