import type { History } from "./history.ts";

/** How far a replay has come. Times are milliseconds of event time; `total` and `endAt` may be Infinity. */
export type ReplayProgress = {
  readonly settled: number;
  readonly total: number;
  readonly at: number | null;
  readonly endAt: number;
  readonly seconds: number;
  readonly speed: number;
};

/** What a replay did. `seconds` is the time of posting; `events.byType` counts what the server has now, accepted or known already. */
export type ReplayReport = {
  readonly files: readonly string[];
  readonly rows: History["rows"];
  readonly invoices: number;
  readonly events: {
    readonly byType: Readonly<Record<string, number>>;
    readonly accepted: number;
    readonly duplicates: number;
    readonly rejected: number;
  };
  readonly requests: number;
  readonly resent: number;
  readonly waitedSeconds: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** The queries that show everything posted; null without `--wait`. */
  readonly shownBy: readonly string[] | null;
  readonly shownAfterSeconds: number | null;
  /** The last position on every partition, for `?after=`. */
  readonly tokens: readonly string[];
  readonly interrupted: boolean;
};

/** One line: rate, event time, time left. */
export function progressText({ settled, total, at, endAt, seconds, speed }: ReplayProgress): string {
  const share = total === Number.POSITIVE_INFINITY ? "" : ` of ${count(total)} (${Math.floor((settled / Math.max(1, total)) * 100)} %)`;
  const rate = seconds > 0 ? ` · ${count(Math.round(settled / seconds))}/s` : "";
  const when = at === null ? "" : ` · ${new Date(at).toISOString().slice(0, 16).replace("T", " ")}`;
  const bySpeed = at === null ? 0 : (endAt - at) / speed / 1000;
  const left = Math.max(bySpeed, speed === Number.POSITIVE_INFINITY && settled > 0 ? (seconds * (total - settled)) / settled : 0);
  const eta = Number.isFinite(left) && settled > 0 ? ` · ${duration(left)} left` : "";
  return `${count(settled)}${share} events${rate}${when}${eta}`;
}

/** The final report as lines for people. */
export function reportText({ rows, invoices, events, ...report }: ReplayReport): string {
  const reasons = Object.entries(rows.refused).filter(([, number]) => number > 0);
  const refused = reasons.reduce((sum, [, number]) => sum + number, 0);
  const lines = [
    `${report.interrupted ? "interrupted" : "done"}: ${count(events.accepted)} events accepted, ${count(events.duplicates)} known already, ${count(events.rejected)} rejected`,
    `  in ${report.seconds.toFixed(1)} s, ${count(Math.round(report.eventsPerSecond))} events/s, ${count(report.requests)} requests`,
    `rows: ${count(rows.read)} read, ${count(rows.accepted)} accepted, ${count(refused)} refused; ${count(invoices)} invoices`,
    ...reasons.map(([reason, number]) => `  ${reason.padEnd(24)} ${count(number).padStart(10)}`),
    "events:",
    ...Object.entries(events.byType).map(([type, number]) => `  ${type.padEnd(24)} ${count(number).padStart(10)}`),
  ];
  if (report.resent > 0) lines.push(`sent again: ${count(report.resent)} events, after ${report.waitedSeconds.toFixed(1)} s of waiting`);
  if (report.shownBy !== null)
    lines.push(`shown by ${report.shownBy.length} queries after ${report.shownAfterSeconds?.toFixed(1)} s: ${report.shownBy.join(", ")}`);
  return `${lines.join("\n")}\n`;
}

function count(number: number): string {
  return number.toLocaleString("en-GB");
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
