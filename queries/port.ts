import type { MessagePort } from "node:worker_threads";
import { QueryError } from "./query-error.ts";
import type { Answer, QueryAnswerer, QueryRequest } from "./query-request.ts";

/** What is sent to the engine's thread: a question under a number of its own, or that nobody waits for its answer any more. */
export type AskMessage =
  | { readonly kind: "ask"; readonly id: number; readonly request: QueryRequest }
  | { readonly kind: "cancel"; readonly id: number };

/** What comes back, once for each question that was not cancelled. */
export type AnswerMessage =
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };

/** Serves an answerer to the other side of the port until either side closes; a cancelled question stops waiting. */
export function serveQueries(answerer: QueryAnswerer, port: MessagePort): { close(): void } {
  const running = new Map<number, AbortController>();
  const reply = (message: AnswerMessage): void => {
    if (!running.delete(message.id)) return;
    port.postMessage(message, message.kind === "answer" && message.answer.kind === "rows" ? [message.answer.bytes.buffer] : []);
  };
  port.on("message", (message: AskMessage) => {
    const { id } = message;
    if (message.kind === "cancel") {
      running.get(id)?.abort();
      running.delete(id);
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    answerer.answer(message.request, controller.signal).then(
      (answer) => reply({ kind: "answer", id, answer }),
      (error: unknown) => reply({ kind: "failed", id, message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  port.on("close", () => {
    for (const controller of running.values()) controller.abort();
    running.clear();
  });
  return { close: () => port.close() };
}

/** The other side of `serveQueries`. When the serving side is gone, every question answers `unavailable`. */
export function connectQueries(port: MessagePort): QueryConnection {
  return new QueryConnection(port);
}

type Waiting = { readonly settle: (answer: Answer) => void; readonly fail: (error: Error) => void };

const gone: Answer = { kind: "unavailable", detail: "the engine has stopped" };

export class QueryConnection implements QueryAnswerer {
  readonly #port;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #gone = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (message: AnswerMessage) => this.#settle(message));
    port.on("close", () => this.#lose());
    port.unref();
  }

  answer(request: QueryRequest, signal: AbortSignal): Promise<Answer> {
    if (this.#gone) return Promise.resolve(gone);
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const id = this.#asked++;
    return new Promise<Answer>((settle, fail) => {
      const abort = (): void => {
        if (!this.#waiting.delete(id)) return;
        this.#port.postMessage({ kind: "cancel", id } satisfies AskMessage);
        fail(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      const forget = (): void => signal.removeEventListener("abort", abort);
      this.#waiting.set(id, {
        settle: (answer) => (forget(), settle(answer)),
        fail: (error) => (forget(), fail(error)),
      });
      this.#port.postMessage({ kind: "ask", id, request } satisfies AskMessage);
    });
  }

  close(): void {
    this.#port.close();
  }

  #settle(message: AnswerMessage): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    if (message.kind === "answer") waiting.settle(message.answer);
    else waiting.fail(new QueryError("QUERY_FAILED", message.message));
  }

  #lose(): void {
    this.#gone = true;
    for (const { settle } of this.#waiting.values()) settle(gone);
    this.#waiting.clear();
  }
}
