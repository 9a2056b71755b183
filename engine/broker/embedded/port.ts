import type { MessagePort } from "node:worker_threads";
import type { Appender, AppendResult, RecordBatch } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import { type AnswerMessage, type AppendMessage, decodeAnswers, decodeCalls, encodeAnswers, encodeCalls } from "./port-messages.ts";

const goneRetryMs = 1000;

/** Serves the appender to the other side of the port until either side closes; the disk is waited for on this side's thread only. */
export function serveAppender(appender: Appender, port: MessagePort): { close(): void } {
  port.on("message", (message: AppendMessage) => {
    // Called in one turn, these share the log's transaction.
    const outcomes = decodeCalls(message).map((batches) => appender.append(batches).catch(retryWhenClosed(batches)));
    void Promise.allSettled(outcomes).then((settled) => port.postMessage(encodeAnswers(message.id, settled, message.calls)));
  });
  return { close: () => port.close() };
}

/**
 * The other side of `serveAppender`. All calls of one turn go as one message; the caller's bytes are copied once and stay its own.
 * When the serving side is gone, all calls answer `retry`: those under way may have been appended, as after any lost answer, and are `uncertain`.
 */
export function connectAppender(port: MessagePort): AppenderConnection {
  return new AppenderConnection(port);
}

type Call = {
  readonly batches: readonly RecordBatch[];
  readonly resolve: (results: readonly AppendResult[]) => void;
  readonly reject: (error: Error) => void;
};

export class AppenderConnection implements Appender {
  readonly #port;
  #gathered: Call[] = [];
  readonly #sent = new Map<number, readonly Call[]>();
  #messages = 0;
  #gone = false;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (message: AnswerMessage) => this.#settle(message));
    port.on("close", () => this.#lose());
    port.unref();
  }

  async append(batches: readonly RecordBatch[]): Promise<readonly AppendResult[]> {
    if (this.#closing !== undefined) throw new BrokerError("BROKER_CLOSED", "the connection to the log is closed");
    if (this.#gone) return batches.map(lostAnswer);
    const { promise, resolve, reject } = Promise.withResolvers<readonly AppendResult[]>();
    if (this.#gathered.push({ batches, resolve, reject }) === 1) setImmediate(() => this.#send());
    return promise;
  }

  /** Waits for what is under way and closes the port; calls after it throw `BROKER_CLOSED`. */
  async close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers();
      this.#closeWhenDone();
    }
    await this.#closing.promise;
  }

  #send(): void {
    const calls = this.#gathered;
    this.#gathered = [];
    if (this.#gone) return loseAll(calls);
    const message = encodeCalls(
      this.#messages++,
      calls.map(({ batches }) => batches),
    );
    this.#sent.set(message.id, calls);
    // The process lives as long as an answer is awaited.
    this.#port.ref();
    this.#port.postMessage(message, [message.bytes.buffer]);
  }

  #settle(message: AnswerMessage): void {
    const calls = this.#sent.get(message.id)!;
    this.#sent.delete(message.id);
    if (this.#sent.size === 0) this.#port.unref();
    const outcomes = decodeAnswers(
      message,
      calls.map(({ batches }) => batches),
    );
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome instanceof Error) calls[i]!.reject(outcome);
      else calls[i]!.resolve(outcome);
    }
    this.#closeWhenDone();
  }

  #lose(): void {
    this.#gone = true;
    for (const calls of this.#sent.values()) loseAll(calls, { uncertain: true });
    this.#sent.clear();
    loseAll(this.#gathered);
    this.#gathered = [];
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#closing === undefined || this.#sent.size > 0 || this.#gathered.length > 0) return;
    this.#port.close();
    this.#closing.resolve();
  }
}

const lostAnswer = (): AppendResult => ({ kind: "retry", afterMs: goneRetryMs, reason: "the log is gone" });

function loseAll(calls: readonly Call[], more: { readonly uncertain?: true } = {}): void {
  for (const { batches, resolve } of calls) resolve(batches.map(() => ({ ...lostAnswer(), ...more })));
}

/** A log that is closing under its clients is gone for them, which is no mistake of theirs. */
const retryWhenClosed =
  (batches: readonly RecordBatch[]) =>
  (error: unknown): readonly AppendResult[] => {
    if (error instanceof BrokerError && error.code === "BROKER_CLOSED") return batches.map(lostAnswer);
    throw error;
  };
