import { isObject, parseJson, problemText, retryAfter } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { ReplayError } from "./replay-error.ts";
import type { Exchange, ServerDoor } from "./server-door.ts";

export type WaitOptions = {
  readonly door: ServerDoor;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

/** The gateway takes 8 KiB of query; many partitions with long topic names are asked for in several questions. */
const maxTokensLength = 4000;
const askAgainMs = 250;

/**
 * Waits until every query of the server shows what the tokens stand for (`?after=`), asking again while the server says "not yet".
 * Answers the names of the queries that do; fewer than all only if the signal aborts.  [P18]
 *
 * @throws {ReplayError} `REPLAY_QUERY_REFUSED` where asking again cannot help
 */
export async function waitForQueries(tokens: readonly string[], options: WaitOptions): Promise<readonly string[]> {
  const shown: string[] = [];
  const { status, body } = (await askUntil("/v1/queries", (answer) => answer.status === 200, options)) ?? { status: 0, body: "" };
  if (status === 0) return shown;
  for (const name of queryNames(body)) {
    for (const after of questions(tokens)) {
      const path = `/v1/queries/${encodeURIComponent(name)}?after=${after}&limit=1`;
      if ((await askUntil(path, (answer) => answer.status === 200, options)) === undefined) return shown;
    }
    shown.push(name);
  }
  return shown;
}

type Answered = Extract<Exchange, { kind: "answered" }>;

/** Asks until the answer is good; undefined if the signal aborts. 202, 408, 429 and 5xx mean "not yet". */
async function askUntil(path: string, good: (answer: Answered) => boolean, options: WaitOptions): Promise<Answered | undefined> {
  const { door, clock, signal, say } = options;
  let lost = 0;
  while (!signal.aborted) {
    const answer = await door.get(path, { prefer: "wait=10" });
    if (answer.kind === "lost") {
      if (lost++ === 1) say(`waiting for ${door.to}: ${answer.why}`);
      await clock.sleep(askAgainMs * 2 ** Math.min(lost, 4), signal);
      continue;
    }
    if (good(answer)) return answer;
    const { status, headers, body } = answer;
    if (status !== 202 && status !== 408 && status !== 429 && status < 500) {
      throw new ReplayError("REPLAY_QUERY_REFUSED", `${door.to}${path} answers ${status}: ${problemText(body)}`);
    }
    await clock.sleep(retryAfter(headers.get("retry-after"), clock.now()) ?? askAgainMs, signal);
  }
  return undefined;
}

/** The names in the catalogue. */
function queryNames(body: string): readonly string[] {
  const catalogue = parseJson(body);
  const queries = isObject(catalogue) ? catalogue["queries"] : catalogue;
  const names = Array.isArray(queries) ? queries.map((one: unknown) => (isObject(one) ? one["name"] : undefined)) : [undefined];
  if (names.every((name) => typeof name === "string")) return names;
  throw new ReplayError("REPLAY_QUERY_REFUSED", "the server's /v1/queries is no catalogue of named queries");
}

function questions(tokens: readonly string[]): readonly string[] {
  const questions: string[] = [];
  for (const token of tokens) {
    const last = questions.at(-1);
    if (last === undefined || last.length + token.length >= maxTokensLength) questions.push(encodeURIComponent(token));
    else questions[questions.length - 1] = `${last},${encodeURIComponent(token)}`;
  }
  return questions;
}
