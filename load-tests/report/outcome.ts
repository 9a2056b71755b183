import type { LoadError } from "../load-error.ts";
import type { Settings } from "../settings.ts";
import { secondsOf } from "../scenarios.ts";
import { quantile } from "../run/course.ts";
import type { K6Run } from "../run/run-k6.ts";
import type { ReadersReport } from "../run/stream-readers.ts";
import type { CountedOrders } from "../verify/counted-orders.ts";
import { type LogVerdict, verdictLine } from "../verify/log-verdict.ts";
import type { Machine } from "./machine.ts";

/** All that is known of a run when it is over. */
export type Outcome = {
  readonly settings: Settings;
  readonly machine: Machine;
  readonly loadAfter: string;
  readonly k6Version: string;
  readonly k6Run: K6Run;
  /** Undefined with `--url`: the log of a server that is not ours is not read. */
  readonly log: LogVerdict | undefined;
  /** Undefined where the server has no such query. */
  readonly orders: CountedOrders | undefined;
  /** Undefined in scenarios without. */
  readonly readers: ReadersReport | undefined;
  /** Why the server was not there any more in the end; what it had taken is judged all the same. */
  readonly serverAway: LoadError | undefined;
  readonly url: string | undefined;
  readonly startedAt: Date;
};

export type Row = { readonly what: string; readonly value: string; readonly verdict?: boolean };

export const heldAll = ({ k6Run, log, orders, readers, serverAway }: Outcome): boolean =>
  serverAway === undefined &&
  k6Run.thresholds.every(({ held }) => held) &&
  log?.good !== false &&
  orders?.good !== false &&
  readers?.good !== false;

/** The verdict in a sentence: what did not hold by its name, and whether the machine had other things to do. */
export function verdictOf(outcome: Outcome): string {
  if (heldAll(outcome)) return "All thresholds held; nothing is lost, doubled or out of order.";
  const missed = rowsOf(outcome).filter(({ verdict }) => verdict === false);
  const { cores, loadBefore } = outcome.machine;
  const busy = Number.parseFloat(loadBefore) > cores;
  const hint = busy
    ? ` The machine was busy before it began (load average ${loadBefore} on ${cores} cores), so latencies say little of the server: run it again alone, or with --no-timings.`
    : "";
  return `Not held: ${missed.map(({ what, value }) => `${what} (${value})`).join("; ")}.${hint}`;
}

const count = (n: number): string => n.toLocaleString("en");
const millis = (ms: number | undefined): string => (ms === undefined ? "–" : ms < 10 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(0)} ms`);

export const percentiles = (values: number[]): string => [0.5, 0.95, 0.99, 1].map((share) => millis(quantile(values, share))).join(" · ");

/** What was asked for, what came, what it cost, and the verdicts: a line each, for the terminal and the report. */
export function rowsOf(outcome: Outcome): readonly Row[] {
  const { settings, k6Run, log, orders, readers, serverAway, url } = outcome;
  const { course, droppedIterations, k6, server } = k6Run;
  const { phases } = settings.scenario;
  const asked = phases.reduce((sum, { seconds, eventsPerSecond }) => sum + seconds * eventsPerSecond, 0);
  const lasted = secondsOf(settings.scenario);
  const phaseRows = phases.flatMap(({ name, seconds, eventsPerSecond }): Row[] => {
    const [posts = [], shown = []] = [course.posts.get(name), course.shown.get(name)];
    const perSecond = count(Math.round((course.acceptedIn.get(name) ?? 0) / seconds));
    const label = phases.length === 1 ? "" : `, ${name} (${count(eventsPerSecond)} events/s)`;
    return [
      {
        what: `post to answer${label}: p50 · p95 · p99 · max`,
        value: `${percentiles(posts)} (${count(posts.length)} requests, ${perSecond} events/s accepted)`,
      },
      { what: `send to shown${label}: p50 · p95 · p99 · max`, value: `${percentiles(shown)} (${count(shown.length)} orders)` },
    ];
  });
  const pulls = course.seconds.flatMap(({ pulls }) => pulls);
  return [
    { what: "events asked for", value: `${count(asked)} in ${lasted} s, ${settings.batch} a request` },
    {
      what: "accepted",
      value: `${count(course.accepted)}, ack level ${[...course.acks].join(", ") || "not told"}`,
    },
    ...[...course.codes].map(([code, events]) => ({ what: `not accepted: ${code}`, value: count(events), verdict: false })),
    {
      what: "iterations that k6 dropped",
      value: count(droppedIterations),
      ...(droppedIterations > 0 && settings.timings ? { verdict: false } : {}),
    },
    ...phaseRows,
    ...(pulls.length === 0 ? [] : [{ what: "pulls: p50 · p95 · p99 · max", value: `${percentiles(pulls)} (${count(pulls.length)})` }]),
    ...costRows({ k6, server, events: course.accepted, seconds: k6Run.seconds }),
    ...k6Run.thresholds.map(({ name, held, value }) => ({
      what: `threshold ${name}`,
      value: value === undefined ? "" : (Math.round(value * 10) / 10).toLocaleString("en"),
      verdict: held,
    })),
    log === undefined
      ? { what: "log", value: "not read: it is another's server" }
      : { what: "log", value: verdictLine(log), verdict: log.good },
    ...(orders === undefined ? [] : [{ what: "orders counted by the pipeline", value: ordersLine(orders), verdict: orders.good }]),
    ...(readers === undefined ? [] : [{ what: "readers of streams", value: readersLine(readers), verdict: readers.good }]),
    ...(serverAway === undefined
      ? []
      : [{ what: "server", value: url === undefined ? "ended in the midst of the load" : "does not answer any more", verdict: false }]),
    ...(k6Run.interrupted && serverAway === undefined ? [{ what: "ended early", value: "by Ctrl-C" }] : []),
  ];
}

type Costs = Pick<K6Run, "k6" | "server"> & { readonly seconds: number; readonly events: number };

/** The generator's own cost stands beside the server's: on one machine they compete. */
function costRows({ k6, server, seconds, events }: Costs): Row[] {
  return Object.entries({ k6, server }).map(([name, cost]) => {
    if (cost === undefined) return { what: `cost of ${name}`, value: "not measured" };
    const { cpuSeconds, peakMb } = cost;
    const cores = (cpuSeconds / seconds).toFixed(2);
    const micros = ((1e6 * cpuSeconds) / Math.max(1, events)).toFixed(1);
    return {
      what: `cost of ${name}`,
      value: `${cores} cores on average, ${cpuSeconds.toFixed(1)} CPU s, ${micros} µs an event, ${peakMb} MB at most`,
    };
  });
}

function ordersLine({ accepted, unknown, counted, wrong }: CountedOrders): string {
  return (
    `${count(counted)} of ${count(accepted)} of known customers` +
    (unknown > 0 ? ` (and ${count(unknown)} without an answer)` : "") +
    (wrong > 0 ? `; wrong for ${count(wrong)} customers` : "")
  );
}

function readersLine({ readers, rows, broken, missed }: ReadersReport): string {
  return `${count(readers)}, told ${count(rows)} rows: ${count(missed)} missed a last value, ${count(broken)} broke off`;
}

/** The rows as text, for a terminal. */
export function tableOf(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  return rows
    .map(({ what, value, verdict }) => `${verdict === undefined ? " " : verdict ? "✓" : "✗"} ${what.padEnd(width)}  ${value}`)
    .join("\n");
}
