import type { MessagePort } from "node:worker_threads";
import { AskConnection, type AskingPort, serveAsks } from "./ask-port.ts";
import type { Answer, QueryAnswerer, QueryRequest } from "./query-request.ts";
import type { StreamAnswer, StreamAnswerer, StreamRequest } from "./stream/stream-request.ts";

/** Serves the answerers to the other side of the port until either side closes; a cancelled question stops waiting. */
export function serveQueries(answerer: QueryAnswerer, port: MessagePort, streams: StreamAnswerer = noStreams): AskingPort {
  const transfer = (answer: Answer | StreamAnswer): readonly ArrayBuffer[] => (answer.kind === "rows" ? [answer.bytes.buffer] : []);
  const answerOf = (request: QueryRequest | StreamRequest, signal: AbortSignal): Promise<Answer | StreamAnswer> =>
    "kind" in request ? streams.stream(request, signal) : answerer.answer(request, signal);
  return serveAsks(answerOf, { port, transfer });
}

const noStreams: StreamAnswerer = { stream: () => Promise.resolve({ kind: "unavailable", detail: "the engine tells no changes" }) };

/** The other side of `serveQueries`. When the serving side is gone, every question answers `unavailable`. */
export function connectQueries(port: MessagePort): QueryConnection {
  return new QueryConnection(port);
}

export class QueryConnection
  extends AskConnection<QueryRequest | StreamRequest, Answer | StreamAnswer>
  implements QueryAnswerer, StreamAnswerer
{
  constructor(port: MessagePort) {
    super(port, { kind: "unavailable", detail: "the engine has stopped" });
  }

  answer(request: QueryRequest, signal: AbortSignal): Promise<Answer> {
    return this.ask(request, signal) as Promise<Answer>;
  }

  stream(request: StreamRequest, signal: AbortSignal): Promise<StreamAnswer> {
    return this.ask(request, signal) as Promise<StreamAnswer>;
  }
}
