import type { MessagePort } from "node:worker_threads";
import { QueryError } from "./query-error.ts";

/** What is sent to the answering thread: a question under a number of its own, or that nobody waits for its answer any more. */
type AskMessage<Q> = { readonly kind: "ask"; readonly id: number; readonly request: Q } | { readonly kind: "cancel"; readonly id: number };

/** What comes back, once for each question that was not cancelled. */
type AnswerMessage<A> =
  | { readonly kind: "answer"; readonly id: number; readonly answer: A }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };

export type AskingPort = { close(): void };

/** Answers what the other side of the port asks until either side closes; a cancelled question stops waiting. */
export function serveAsks<Q, A>(
  answerOf: (request: Q, signal: AbortSignal) => Promise<A>,
  { port, transfer }: { readonly port: MessagePort; readonly transfer: (answer: A) => readonly ArrayBuffer[] },
): AskingPort {
  const running = new Map<number, AbortController>();
  const reply = (message: AnswerMessage<A>): void => {
    if (!running.delete(message.id)) return;
    port.postMessage(message, message.kind === "answer" ? [...transfer(message.answer)] : []);
  };
  port.on("message", (message: AskMessage<Q>) => {
    const { id } = message;
    if (message.kind === "cancel") {
      running.get(id)?.abort();
      running.delete(id);
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    answerOf(message.request, controller.signal).then(
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

type Waiting<A> = { readonly settle: (answer: A) => void; readonly fail: (error: Error) => void };

/** The other side of `serveAsks`. When the serving side is gone, every question has the answer `gone`. */
export class AskConnection<Q, A> {
  readonly #port;
  readonly #goneAnswer: A;
  readonly #waiting = new Map<number, Waiting<A>>();
  #asked = 0;
  #gone = false;

  constructor(port: MessagePort, gone: A) {
    this.#port = port;
    this.#goneAnswer = gone;
    port.on("message", (message: AnswerMessage<A>) => this.#settle(message));
    port.on("close", () => this.#lose());
    port.unref();
  }

  ask(request: Q, signal: AbortSignal): Promise<A> {
    if (this.#gone) return Promise.resolve(this.#goneAnswer);
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const id = this.#asked++;
    return new Promise<A>((settle, fail) => {
      const abort = (): void => {
        if (!this.#waiting.delete(id)) return;
        this.#port.postMessage({ kind: "cancel", id } satisfies AskMessage<Q>);
        fail(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      const forget = (): void => signal.removeEventListener("abort", abort);
      this.#waiting.set(id, {
        settle: (answer) => (forget(), settle(answer)),
        fail: (error) => (forget(), fail(error)),
      });
      this.#port.postMessage({ kind: "ask", id, request } satisfies AskMessage<Q>);
    });
  }

  close(): void {
    this.#port.close();
  }

  #settle(message: AnswerMessage<A>): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    if (message.kind === "answer") waiting.settle(message.answer);
    else waiting.fail(new QueryError("QUERY_FAILED", message.message));
  }

  #lose(): void {
    this.#gone = true;
    for (const { settle } of this.#waiting.values()) settle(this.#goneAnswer);
    this.#waiting.clear();
  }
}
