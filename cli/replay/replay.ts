import { Batcher, maxBatchBytes } from "./batch.ts";
import { type Clock, systemClock } from "./clock.ts";
import { countDrafts, type DraftOptions, eventDrafts } from "./event-draft.ts";
import { type History, readHistory, repetitionSpan } from "./history.ts";
import { longestGapMs, pace } from "./pace.ts";
import { Poster } from "./poster.ts";
import { RejectsFile } from "./rejects-file.ts";
import { ReplayError } from "./replay-error.ts";
import type { ReplayProgress, ReplayReport } from "./report.ts";
import { keepsEvents } from "./retention.ts";
import { ServerDoor } from "./server-door.ts";
import { Tally } from "./tally.ts";
import { waitForQueries } from "./wait.ts";

export type ReplayOptions = {
  /** CSV files, plain or gzip, in the order in which they are read. */
  readonly files: readonly string[];
  /** The server's base URL. */
  readonly to: string;
  /** How much faster than the clock event time runs; Infinity for as fast as the server takes it. */
  readonly speed: number;
  /** Whether events carry the time of the data or that of sending; with `now`, ids are new in every run. */
  readonly stamp: "data" | "now";
  /** Units of every sku received before the first row; 0 for none. */
  readonly openingStock: number;
  /** How often the files are sent; Infinity goes on until the signal aborts. */
  readonly repeat: number;
  /** Where refused rows and rejected events are reported, one JSON object a line. */
  readonly rejects: string | null;
  /** Whether to return only when every query shows what was posted. */
  readonly wait: boolean;
  /** Events a request at most, 1 … 1000. */
  readonly batch: number;
  /** The authorisation key. */
  readonly key: string | null;
};

export type ReplayHost = {
  /** Ends the replay cleanly: the request under way gets its answer (or three seconds), and the report is made. */
  readonly signal: AbortSignal;
  /** Told now and then, after each batch. */
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Told what happens once: waiting for the server, going on. */
  readonly say?: (line: string) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
};

/**
 * Replays order files as events to a server, in order, each once: what the server did not take is sent again under the same id.
 * Everything is read before the first event is sent.  [P1–P18]
 *
 * @throws {ReplayError} where waiting or sending again cannot help
 */
export async function runReplay(options: ReplayOptions, host: ReplayHost): Promise<ReplayReport> {
  const { signal, say = () => undefined, clock = systemClock } = host;
  const rejects = new RejectsFile(options.rejects);
  try {
    const history = await readHistory(options.files, (row) => rejects.row(row), signal);
    const tally = new Tally();
    const started = clock.now();
    const door = new ServerDoor({ to: options.to, key: options.key, signal });
    // What is stamped as it is sent is kept.
    const preflight = options.stamp === "now" ? {} : { preflight: () => keepsEvents(history.firstAt, { door, clock }) };
    const more = host.random === undefined ? {} : { random: host.random };
    const poster = new Poster({
      door,
      tally,
      clock,
      signal,
      say,
      onRejected: (event, result) => rejects.event(event, result),
      ...preflight,
      ...more,
    });
    await postAll(history, options, { poster, tally, clock, host, started });
    const seconds = (clock.now() - started) / 1000;
    const waiting = options.wait && !signal.aborted;
    const shownBy = waiting ? await waitForQueries(tally.tokens, { door, clock, signal, say }) : null;
    return {
      files: history.files,
      rows: history.rows,
      invoices: history.invoices.length,
      events: {
        byType: Object.fromEntries(tally.byType),
        accepted: tally.accepted,
        duplicates: tally.duplicates,
        rejected: tally.rejected,
      },
      requests: tally.requests,
      resent: tally.resent,
      waitedSeconds: tally.waitedMs / 1000,
      seconds,
      eventsPerSecond: seconds === 0 ? 0 : tally.settled / seconds,
      shownBy,
      shownAfterSeconds: waiting ? (clock.now() - started) / 1000 : null,
      tokens: tally.tokens,
      interrupted: signal.aborted,
    };
  } finally {
    rejects.close();
  }
}

type Posting = {
  readonly poster: Poster;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly host: ReplayHost;
  readonly started: number;
};

async function postAll(history: History, options: ReplayOptions, { poster, tally, clock, host, started }: Posting): Promise<void> {
  const { signal, onProgress } = host;
  const { openingStock, repeat, stamp } = options;
  if (repeat > 1 && repetitionSpan(history) <= 0) {
    throw new ReplayError(
      "REPLAY_FILES_OUT_OF_ORDER",
      "the last row is days before the first: give the files in the order of time to repeat them",
    );
  }
  const drafts: DraftOptions = { openingStock, repeat, run: stamp === "now" ? `.${started.toString(36)}` : "" };
  const total = countDrafts(history, drafts);
  const clockwork = pace(options.speed, started, stamp === "now" ? longestGapMs : Number.POSITIVE_INFINITY);
  const limits = { events: options.batch, bytes: maxBatchBytes };
  const batcher = new Batcher(eventDrafts(history, drafts), clockwork, { stamp, limits, clock });
  const endAt = history.lastAt + repetitionSpan(history) * (repeat - 1);
  for (let batch = batcher.take(); !signal.aborted;) {
    if (batch.length === 0) {
      if (batcher.done) break;
      await clock.sleep(batcher.wait, signal);
      batch = batcher.take();
      continue;
    }
    const waited = tally.waitedMs;
    const answered = poster.post(batch);
    // One request is under way; the next body is made meanwhile.
    const next = batcher.take();
    await answered;
    clockwork.postpone(tally.waitedMs - waited);
    batch = next;
    onProgress?.({ settled: tally.settled, total, at: tally.lastAt, endAt, seconds: (clock.now() - started) / 1000, speed: options.speed });
  }
}
