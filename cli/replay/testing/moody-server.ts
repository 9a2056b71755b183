import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { parseEvent } from "#schemas/parse-event.ts";

export type StoredEvent = { readonly eventId: string; readonly eventType: string; readonly timestamp: string; readonly key: string };

/** How a request is treated; one that names no mood is answered as the gateway answers. */
export type Mood =
  | { readonly kind: "good" }
  /** Answers a status without storing anything. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfter?: string; readonly body?: string }
  /** Stores nothing, and breaks the connection. */
  | { readonly kind: "break" }
  /** Stores everything, then breaks the connection in the middle of the answer. */
  | { readonly kind: "store-and-break" }
  /** Stores everything, and never answers. */
  | { readonly kind: "store-and-hang" }
  /** Answers `retry` for these events and all later ones of their keys, as gateway.md §5 has it. */
  | { readonly kind: "retry"; readonly keys: (key: string, place: number) => boolean; readonly retryAfterMs?: number }
  /** Rejects these events. */
  | { readonly kind: "reject"; readonly ids: (event: StoredEvent) => boolean };

/**
 * A server with a gateway's manners and a small log in memory, that can fail in all the ways a network and a gateway can.
 * `stored` is the log: each event once, in order of arrival.
 */
export class MoodyServer {
  readonly stored: StoredEvent[] = [];
  /** Events of each request that arrived, whatever became of it. */
  readonly requests: { readonly events: readonly StoredEvent[]; readonly bytes: number; readonly headers: IncomingMessage["headers"] }[] =
    [];
  /** The most requests that were ever under way at once. */
  busiest = 0;
  /** Called for each request to events, numbered from 0. */
  mood: (request: number, events: readonly StoredEvent[]) => Mood = () => ({ kind: "good" });
  /** Answers anything but events. */
  other: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.writeHead(404).end();
  readonly #known = new Map<string, string>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #busy = 0;
  #port = 0;

  /** Opens a port (the same one again, after `stop`); closes with the test. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Goes away, with all its connections; nobody listens on the port then. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url !== "/v1/events") return this.other(request, response);
    this.busiest = Math.max(this.busiest, ++this.#busy);
    response.on("close", () => this.#busy--);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const wire = Buffer.concat(chunks);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(wire) : wire;
    const events = (JSON.parse(body.toString()) as { timestamp: string }[]).map((json) => {
      const parsed = parseEvent(json);
      if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems));
      return { eventId: parsed.event.eventId, eventType: parsed.event.eventType, timestamp: json.timestamp, key: parsed.key };
    });
    this.requests.push({ events, bytes: wire.length, headers: request.headers });
    this.#answer(this.mood(this.requests.length - 1, events), events, response);
  }

  #answer(mood: Mood, events: readonly StoredEvent[], response: ServerResponse): void {
    switch (mood.kind) {
      case "status": {
        const headers = mood.retryAfter === undefined ? {} : { "retry-after": mood.retryAfter };
        response.writeHead(mood.status, headers).end(mood.body ?? "{}");
        return;
      }
      case "break":
        response.destroy();
        return;
      case "store-and-break":
      case "store-and-hang": {
        const answer = JSON.stringify({ results: this.#results(events, mood) });
        if (mood.kind === "store-and-hang") return;
        response.writeHead(200, { "content-length": answer.length });
        response.write(answer.slice(0, answer.length >> 1), () => response.destroy());
        return;
      }
      case "good":
      case "retry":
      case "reject": {
        const results = this.#results(events, mood);
        const mixed = results.some(({ status }) => status === "rejected" || status === "retry");
        response.writeHead(mixed ? 207 : 200, { "content-type": "application/json" }).end(JSON.stringify({ results }));
        return;
      }
      default:
        mood satisfies never;
    }
  }

  #results(events: readonly StoredEvent[], mood: Mood): { status: string; [more: string]: unknown }[] {
    const blocked = new Set<string>();
    return events.map((event, i) => {
      const { eventId, key } = event;
      if (mood.kind === "reject" && mood.ids(event))
        return { i, eventId, status: "rejected", code: "schema_violation", pointer: "/data", detail: "no" };
      if (mood.kind === "retry" && (blocked.has(key) || mood.keys(key, i))) {
        blocked.add(key);
        return {
          i,
          eventId,
          status: "retry",
          code: "blocked_by_predecessor",
          ...(mood.retryAfterMs === undefined ? {} : { retryAfterMs: mood.retryAfterMs }),
        };
      }
      const known = this.#known.get(eventId);
      if (known !== undefined) return { i, eventId, status: "duplicate", token: known };
      const token = `business.${event.eventType}:0:${this.stored.length}`;
      this.stored.push(event);
      this.#known.set(eventId, token);
      return { i, eventId, status: "accepted", token };
    });
  }
}

/** A server that is open until the test ends. */
export async function moodyServer(): Promise<MoodyServer> {
  const server = await new MoodyServer().start();
  onTestFinished(() => server.stop());
  return server;
}
