import type { MessagePort } from "node:worker_threads";
import type { Broker, LetterDesk, Worker } from "@millrace/engine";
import { AskConnection, type AskingPort, serveAsks } from "../ask-port.ts";
import { answerLetters, logProblem } from "../letters/answer-letters.ts";
import type { LetterAnswer, LetterAsk } from "../letters/letter-asks.ts";
import type { DeadLetterRequest, DeadLettersFound } from "./dead-letters.ts";
import { readDeadLetters } from "./read-dead-letters.ts";
import { stateOf, type TopologyState } from "./topology-state.ts";

export type Unavailable = { readonly kind: "unavailable"; readonly detail: string };
export type StateAnswer = { readonly kind: "state"; readonly state: TopologyState } | Unavailable;
export type DeadLetterAnswer = ({ readonly kind: "letters" } & DeadLettersFound) | Unavailable;

/** Who knows what goes on in a topology. Rejects when `signal` aborts, and on a bug. */
export interface Inspector {
  state(signal: AbortSignal): Promise<StateAnswer>;
  deadLetters(request: DeadLetterRequest, signal: AbortSignal): Promise<DeadLetterAnswer>;
  letters(ask: LetterAsk, signal: AbortSignal): Promise<LetterAnswer>;
}

type Asked =
  | { readonly kind: "state" }
  | ({ readonly kind: "dead-letters" } & DeadLetterRequest)
  | { readonly kind: "letters"; readonly ask: LetterAsk };
type Answer = StateAnswer | DeadLetterAnswer | LetterAnswer;

const gone: Unavailable = { kind: "unavailable", detail: "the engine has stopped" };

export type InspectedEngine = {
  readonly worker: Pick<Worker, "snapshot">;
  readonly broker: Pick<Broker, "fetch">;
  readonly desk: LetterDesk;
  readonly nowMs: () => number;
};

/** Serves what the engine's own thread knows to the other side of the port until either side closes. */
export function serveInspector({ worker, broker, desk, nowMs }: InspectedEngine, port: MessagePort): AskingPort {
  const answer = async (asked: Asked, signal: AbortSignal): Promise<Answer> => {
    if (asked.kind === "state") return { kind: "state", state: stateOf([worker.snapshot()], nowMs()) };
    return asked.kind === "letters" ? answerLetters({ log: broker, desk }, asked.ask, signal) : lettersOf(broker, asked, desk);
  };
  return serveAsks(answer, { port, transfer: () => [] });
}

/** The other side of `serveInspector`. When the serving side is gone, every question answers `unavailable`. */
export function connectInspector(port: MessagePort): Inspector {
  const connection = new AskConnection<Asked, Answer>(port, gone);
  return {
    state: async (signal) => (await connection.ask({ kind: "state" }, signal)) as StateAnswer,
    deadLetters: async (request, signal) => (await connection.ask({ kind: "dead-letters", ...request }, signal)) as DeadLetterAnswer,
    letters: async (ask, signal) => (await connection.ask({ kind: "letters", ask }, signal)) as LetterAnswer,
  };
}

/** The dead letters of a log, with what was done with them; a log that is closed or away is no bug. */
export async function lettersOf(broker: Pick<Broker, "fetch">, request: DeadLetterRequest, desk: LetterDesk): Promise<DeadLetterAnswer> {
  try {
    return { kind: "letters", ...(await readDeadLetters(broker, request, { settled: await desk.settled() })) };
  } catch (error) {
    const detail = logProblem(error);
    if (detail === undefined) throw error;
    return { kind: "unavailable", detail };
  }
}
