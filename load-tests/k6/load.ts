import exec from "k6/execution";
import http, { type RefinedResponse } from "k6/http";
import { Counter, Trend } from "k6/metrics";
import { firstRequestOf, requestsOfRound } from "../event-id.ts";
import { bodyOf, createRound } from "../round.ts";
import { readSettings } from "../settings.ts";
import { formatTold, type Outcome } from "../told-line.ts";
import { optionsFor, ordersPerQuestion } from "./options-for.ts";

// Run by k6: `k6 run -e SCENARIO=10k -e BATCH=10 -e URL=http://127.0.0.1:8080 load-tests/k6/load.ts`; `npm run load` does that and more.
// Each virtual user has this module for itself.

const settings = readSettings(__ENV, Date.now());
const { url, batch, visibleBy } = settings;

export const options = optionsFor(settings);

const accepted = new Counter("events_accepted");
const rejected = new Counter("events_rejected");
const unsettled = new Counter("events_unsettled");
const shown = new Trend("shown", true);
const notShown = new Counter("not_shown");
const pullsFailed = new Counter("pulls_failed");

const key = __ENV["MILLRACE_KEY"];
const headers: Record<string, string> = { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
const posted = { headers };
const allAccepted = `accepted=${batch}, duplicate=0, rejected=0, retry=0`;

const questions = ordersPerQuestion(settings);

// Of this virtual user; 0 is k6 itself, which looks at the options.
const user = __VU;
const round = user === 0 ? [] : createRound(settings, user);
const requestsInRound = requestsOfRound(batch);
const ordersInRound = round.at(-1)?.orders ?? 0;
let requests = firstRequestOf(user, batch);

/** One request of `batch` events; for some of the orders in it, a question that waits until a query shows it. */
export function post(): void {
  const phase = __ENV["PHASE"]!;
  const request = requests++;
  const rounds = Math.floor(request / requestsInRound);
  const made = round[request - rounds * requestsInRound]!;
  const body = bodyOf(made, rounds, new Date().toISOString());
  const sentAt = Date.now();
  const response = http.post(`${url}/v1/events`, body, posted);
  const { duration: ms } = response.timings;
  if (response.status === 200 && response.headers["Ingest-Result"] === allAccepted) {
    accepted.add(batch);
    console.log(formatTold({ kind: "posted", user, request, phase, sentAt, ms, outcomes: "", status: 200, code: "" }));
    const { ordersBefore, orders, newest } = made;
    if (
      visibleBy !== undefined &&
      orders > ordersBefore &&
      isAsked(rounds * ordersInRound + ordersBefore, orders - ordersBefore, questions[phase]!)
    )
      waitUntilShown(response, { user, request, phase, sentAt, ...newest });
    return;
  }
  const { outcomes, code } = outcomesOf(response);
  let stored = 0;
  let refused = 0;
  for (const outcome of outcomes) {
    if (outcome === "a" || outcome === "d") stored += 1;
    if (outcome === "r") refused += 1;
  }
  accepted.add(stored);
  rejected.add(refused);
  unsettled.add(batch - stored - refused);
  console.log(formatTold({ kind: "posted", user, request, phase, sentAt, ms, outcomes, status: response.status, code }));
}

/** A question of somebody who looks, in `mixed`. */
export function pull(): void {
  const paths = ["orders-per-minute?from=-10m", "sales-by-sku?limit=100", "fraud-alerts?limit=100"];
  const path = paths[exec.scenario.iterationInTest % paths.length]!;
  const sentAt = Date.now();
  const response = http.get(`${url}/v1/queries/${path}`, { headers });
  if (response.status !== 200) pullsFailed.add(1);
  console.log(formatTold({ kind: "pulled", phase: "pulls", sentAt, ms: response.timings.duration, status: response.status }));
}

type Summary = { readonly metrics: unknown };

export function handleSummary(summary: Summary): Record<string, string> {
  return { [settings.summaryFile ?? "stdout"]: JSON.stringify(summary.metrics, null, settings.summaryFile === undefined ? 1 : 0) };
}

type Asked = {
  readonly user: number;
  readonly request: number;
  readonly phase: string;
  readonly sentAt: number;
  readonly index: number;
  readonly sku: number;
};

function waitUntilShown(response: RefinedResponse<"text">, { index, sku, ...place }: Asked): void {
  // By path, which spares making objects of all the other results.
  const after = encodeURIComponent(response.json(`results.${index}.token`) as string);
  const ack = response.json("ack") as string;
  const answer = http.get(`${url}/v1/queries/${visibleBy}?sku=${sku}&limit=1&after=${after}`, {
    headers: { ...headers, Prefer: "wait=10" },
    tags: { kind: "shown" },
  });
  const ms = Date.now() - place.sentAt;
  const found = answer.status === 200 && (answer.json("rows") as readonly unknown[]).length > 0;
  if (found) shown.add(ms);
  else notShown.add(1);
  console.log(formatTold({ kind: "shown", ...place, ms: found ? Math.max(1, ms) : 0, ack }));
}

/** A letter an event, and the first code. What was not answered may be stored all the same; what was turned away whole is not. */
function outcomesOf(response: RefinedResponse<"text">): { readonly outcomes: string; readonly code: string } {
  type Row = { readonly status: string; readonly code?: string };
  type Body = { readonly results?: readonly Row[]; readonly type?: string };
  let body: Body = {};
  try {
    body = response.json() as Body;
  } catch {
    // Not ours, or cut off.
  }
  const { results } = body;
  if (results === undefined || results.length !== batch) {
    const unknown = response.status === 0 || response.status >= 500;
    // 408 as well: what comes in behind the moment at which the server gave up on it is not taken. [G29]
    const turnedAway = response.status === 503 || response.status === 429 || response.status === 408;
    const outcome: Outcome = turnedAway ? "t" : unknown ? "u" : "r";
    const code = response.status === 0 ? `k6_${response.error_code}` : (body.type?.split("/").pop() ?? "no_results");
    return { outcomes: outcome.repeat(batch), code };
  }
  let outcomes = "";
  for (const { status, code } of results) {
    const letter: Outcome =
      status === "accepted" ? "a" : status === "duplicate" ? "d" : status === "rejected" ? "r" : code === "ack_timeout" ? "u" : "t";
    outcomes += letter;
  }
  return { outcomes, code: results.find(({ code }) => code !== undefined)?.code ?? "unknown" };
}

/** Whether one of the `count` orders behind the first `before` is to be asked for. Users begin at different ones, or all would ask at once. */
function isAsked(before: number, count: number, every: number): boolean {
  const first = user * 7 + before;
  return Math.floor((first + count) / every) > Math.floor(first / every);
}
