import type { MessagePort } from "node:worker_threads";
import { AskConnection, type AskingPort, serveAsks } from "./ask-port.ts";
import type { Answer, QueryAnswerer, QueryRequest } from "./query-request.ts";

/** Serves an answerer to the other side of the port until either side closes; a cancelled question stops waiting. */
export function serveQueries(answerer: QueryAnswerer, port: MessagePort): AskingPort {
  const transfer = (answer: Answer): readonly ArrayBuffer[] => (answer.kind === "rows" ? [answer.bytes.buffer] : []);
  return serveAsks((request: QueryRequest, signal) => answerer.answer(request, signal), { port, transfer });
}

/** The other side of `serveQueries`. When the serving side is gone, every question answers `unavailable`. */
export function connectQueries(port: MessagePort): QueryConnection {
  return new QueryConnection(port);
}

export class QueryConnection extends AskConnection<QueryRequest, Answer> implements QueryAnswerer {
  constructor(port: MessagePort) {
    super(port, { kind: "unavailable", detail: "the engine has stopped" });
  }

  answer(request: QueryRequest, signal: AbortSignal): Promise<Answer> {
    return this.ask(request, signal);
  }
}
