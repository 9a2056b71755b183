import { type BackoffLimits, defaultBackoff } from "./backoff.ts";
import { newEventId } from "./event-id.ts";
import { keyOf } from "./event-key.ts";
import type { StreamEvent } from "./event-stream.ts";
import { type EventData, type EventType, eventVersions, type KeyedBySession, type Metadata, type Time } from "./events.generated.ts";
import { MillraceError } from "./millrace-error.ts";
import type { BatchLimits, Receipt } from "./outbox.ts";
import { type QueryOptions, type QueryPage, type QueryParameters, Questions, type StreamOptions } from "./questions.ts";
import { Sender } from "./sender.ts";

export type MillraceClientOptions = {
  /** Of the gateway: `http://localhost:8080`. */
  readonly url: string;
  /** A secret key of the gateway; none where none is asked for. */
  readonly key?: string | undefined;
  /** Who says so, in every event; `storefront` unless said. */
  readonly source?: string;
  /** A request holds at most so many events (100) and bytes (256 KiB), and waits for company so long (5 ms). */
  readonly batch?: Partial<BatchLimits & { readonly ms: number }>;
  /** What may wait here at most: 10,000 events, 16 MiB. Above it `send` refuses by `buffer_full`; `room` waits. */
  readonly held?: Partial<{ readonly events: number; readonly bytes: number }>;
  /** Requests under way at a time (4); never two with events of one key. */
  readonly requests?: number;
  /** How long one attempt may take, ms (10,000). */
  readonly timeoutMs?: number;
  /** When an event that cannot be sent is given up by `gave_up`, ms; never unless said, since later events of its key then go without it. */
  readonly giveUpAfterMs?: number;
  readonly backoff?: Partial<BackoffLimits>;
  /** Hears when several attempts in a row came to nothing, once until one gets through; a warning of the process unless said. Events wait meanwhile. */
  readonly onTrouble?: (error: MillraceError, waiting: number) => void;
};

function warn({ message, code }: MillraceError, waiting: number): void {
  const what = waiting === 1 ? "1 event waits and is" : `${waiting} events wait and are`;
  process.emitWarning(`${message}; ${what} sent again until it answers`, { type: "MillraceWarning", code });
}

export type SendOptions = {
  /** Sent twice under one id, an event counts once; a UUIDv7 unless said. */
  readonly eventId?: string;
  /** When it happened; now unless said. */
  readonly timestamp?: Time;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly metadata?: Metadata;
};

type WithSession = SendOptions & { readonly metadata: Metadata & { readonly sessionId: string } };

/** Events whose key is the session must have one. */
type OptionsOf<T extends EventType> = T extends KeyedBySession ? readonly [options: WithSession] : readonly [options?: SendOptions];

/**
 * Posts events, and asks the queries. An event is sent until the gateway has said what became of it: through cut connections, restarts and refusals in
 * passing, in the order of its key, and counted once. [N1–N8]
 */
export class MillraceClient {
  readonly #sender: Sender;
  readonly #questions: Questions;
  readonly #source: string;
  #closed = false;

  /** @throws {TypeError} for a `url` that is none */
  constructor(options: MillraceClientOptions) {
    const { key, source = "storefront", batch, held, requests = 4, timeoutMs = 10_000, giveUpAfterMs = Number.POSITIVE_INFINITY } = options;
    const url = new URL(options.url).href.replace(/\/+$/, "");
    const headers = key === undefined || key === "" ? {} : { Authorization: `Bearer ${key}` };
    const backoff = { ...defaultBackoff, ...options.backoff };
    this.#source = source;
    this.#sender = new Sender({
      url,
      headers,
      batch: { events: 100, bytes: 262_144, ms: 5, ...batch },
      held: { events: 10_000, bytes: 16_777_216, ...held },
      requests,
      timeoutMs,
      giveUpAfterMs,
      backoff,
      onTrouble: options.onTrouble ?? warn,
    });
    this.#questions = new Questions({ url, headers, timeoutMs, backoff });
  }

  /** What waits to be on the log. */
  get heldEvents(): number {
    return this.#sender.heldEvents;
  }

  get heldBytes(): number {
    return this.#sender.heldBytes;
  }

  /**
   * Settles when the event is on the log. Events of one key are sent in the order of these calls.
   * @throws {MillraceError} the code of a rejected event with its `pointer`; the slug of a problem; `buffer_full`, `closed`, `gave_up`, `not_json`
   */
  send<T extends EventType>(eventType: T, data: EventData[T], ...[options = {}]: OptionsOf<T>): Promise<Receipt> {
    const nowMs = Date.now();
    const { eventId = newEventId(nowMs), timestamp = new Date(nowMs), correlationId, causationId, metadata }: SendOptions = options;
    const event = {
      eventId,
      eventType,
      eventVersion: eventVersions[eventType],
      source: this.#source,
      timestamp,
      correlationId,
      causationId,
      metadata,
      data,
    };
    const refuse = (code: "closed" | "buffer_full" | "not_json", words: string, cause?: unknown): Promise<never> =>
      Promise.reject(new MillraceError(words, { code, eventId, retryable: code === "buffer_full" }, cause));
    if (this.#closed) return refuse("closed", "the client is closed");
    let text: string;
    try {
      text = JSON.stringify(event);
    } catch (cause) {
      return refuse("not_json", "the event cannot be written as JSON", cause);
    }
    const bytes = Buffer.byteLength(text);
    if (!this.#sender.hasRoomFor(1, bytes))
      return refuse("buffer_full", `${this.heldEvents} events wait already; wait for room() before sending more`);
    return new Promise<Receipt>((settle, fail) => {
      const heldAtMs = performance.now();
      this.#sender.add({
        eventId,
        key: keyOf(eventType, event),
        text,
        bytes,
        heldAtMs,
        notBeforeMs: 0,
        attempts: 0,
        inFlight: false,
        settle,
        fail,
      });
    });
  }

  /** Settles when there is room for so many more events, of so many bytes: whoever sends much waits for it, and holds no more than the bounds say. */
  async room(events = 1, bytes: number = events * 2048): Promise<void> {
    await this.#sender.until(() => this.#closed || this.heldEvents === 0 || this.#sender.hasRoomFor(events, bytes));
  }

  /** Sends what waits at once; settles when each of these events is on the log or refused, which `send` tells. */
  async flush(): Promise<void> {
    await this.#sender.flush();
  }

  /** Takes nothing more, flushes, and ends; what is not on the log after `withinMs` is refused by `closed`. */
  async close({ withinMs = Number.POSITIVE_INFINITY }: { readonly withinMs?: number } = {}): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((settle) => {
      if (withinMs !== Number.POSITIVE_INFINITY) timer = setTimeout(settle, withinMs);
    });
    await Promise.race([this.#sender.flush(), late]);
    clearTimeout(timer);
    const words = "the client was closed before the event was on the log, which it may be or not: send it again under its id";
    this.#sender.cancel(new MillraceError(words, { code: "closed", retryable: true }));
  }

  /** A page of a query's rows. @throws {MillraceError} the slug of a problem, `unreachable`, `timeout` */
  query<Row = Readonly<Record<string, unknown>>>(
    name: string,
    parameters: QueryParameters = {},
    options: QueryOptions = {},
  ): Promise<QueryPage<Row>> {
    return this.#questions.page<Row>(name, parameters, options);
  }

  /** A query's rows and how they change; comes back by itself behind the last event, until nobody reads. @throws {MillraceError} what is refused for good */
  stream(name: string, parameters: QueryParameters = {}, options: StreamOptions = {}): AsyncGenerator<StreamEvent, void> {
    return this.#questions.stream(name, parameters, options);
  }
}
