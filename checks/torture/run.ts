import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { shippedMonth } from "#cli/replay/command.ts";
import { seededRandom } from "#schemas/testing/seeded-random.ts";
import { expectedAnswers } from "../judge/answers.ts";
import { compareAnswers } from "../judge/compare.ts";
import { brokenStockLaws } from "../judge/laws.ts";
import { answersOf } from "../path/real-path.ts";
import { startMillrace, type Child } from "./child.ts";
import { checkLog } from "./log-check.ts";
import { missedWindows, nodeCountsOf, unbalanced } from "./node-counts.ts";
import { type Duplicates, Server } from "./server.ts";

export type TortureOptions = {
  readonly kills: number;
  /** The kills fall at random moments of so many seconds in which both processes run. */
  readonly seconds: number;
  readonly repeat: number;
  readonly duplicates: Duplicates;
  readonly seed: number;
  /** How long the whole may take. */
  readonly deadlineMs: number;
  readonly say: (line: string) => void;
};

export type TortureReport = {
  /** What differs; empty when all is as if nobody had been killed. */
  readonly broken: readonly string[];
  readonly lines: readonly string[];
  /** Left there when something is broken, removed otherwise. */
  readonly data: string;
};

const openingStock = 1_000_000;
const readyMs = 120_000;
const longestStartMs = 3000;

/**
 * One run: a server and a replayer, each killed in its turn, then left to finish. The moments are random, by the seed, and are all that is
 * waited for without a reason; everything else waits for a condition, with a deadline.
 */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { kills, seconds, repeat, duplicates, seed, deadlineMs, say } = options;
  const files = [shippedMonth];
  const data = mkdtempSync(join(tmpdir(), "millrace-torture-"));
  const begun = performance.now();
  const server = new Server({ data, duplicates, deadlineMs: readyMs });
  const replayer = (): Child =>
    startMillrace([
      "replay",
      "--to",
      server.url,
      "--repeat",
      String(repeat),
      "--speed",
      "max",
      "--opening-stock",
      String(openingStock),
      "--wait",
      "--json",
    ]);
  const killed = { server: 0, replayer: 0, starting: 0 };
  const random = seededRandom(seed);
  // Sorted moments of a whole; what lies between two of them is how long both run undisturbed.
  const moments = Array.from({ length: kills }, () => random.next() * seconds * 1000).toSorted((a, b) => a - b);
  let posting: Child | undefined;
  try {
    await server.start();
    posting = replayer();
    for (const [i, moment] of moments.entries()) {
      await delay(moment - (moments[i - 1] ?? 0));
      if (!server.running) throw new Error(`the server ended by itself:\n${server.said}`);
      if (i % 2 === 0) {
        await server.kill();
        killed.server += 1;
        say(`${at(begun)} killed the server`);
        if (random.chance(0.3)) {
          // Coming back is work too, and can be cut off anywhere.
          const starting = server.start();
          starting.catch(() => undefined);
          await delay(random.next() * longestStartMs);
          await server.kill();
          killed.starting += 1;
          say(`${at(begun)} killed the server again while it started`);
        }
        await server.start();
      } else {
        const done = await endedWell(posting);
        if (done) say(`${at(begun)} the replayer had finished; it begins again all the same`);
        else {
          await posting.kill("SIGKILL");
          killed.replayer += 1;
          say(`${at(begun)} killed the replayer`);
        }
        posting = replayer();
      }
    }
    say(`${at(begun)} no more kills; the replayer goes on to its end`);
    const left = deadlineMs - (performance.now() - begun);
    await Promise.race([posting.ended, delay(Math.max(0, left), undefined, { ref: false })]);
    if (posting.running()) throw new Error(`not done in time:\n${posting.said()}`);
    if (!(await endedWell(posting))) throw new Error(`the replayer failed:\n${posting.said()}`);
    const shown = performance.now();

    const expected = expectedAnswers(files, { openingStock, repeat });
    const rows = Object.values(expected).reduce((sum, some) => sum + some.length, 0);
    const answers = await answersOf(server.url);
    const counts = await nodeCountsOf(server.url);
    const broken = [...compareAnswers(expected, answers), ...unbalanced(counts), ...missedWindows(counts)];
    // Once more: what was shown must have been committed.
    await server.kill();
    killed.server += 1;
    await server.start();
    broken.push(...compareAnswers(expected, await answersOf(server.url)).map((line) => `after a last kill: ${line}`));
    if (!(await server.stop())) broken.push(`the server did not stop cleanly:\n${server.said}`);

    const log = await checkLog(data, { files, openingStock, repeat });
    broken.push(...log.broken);
    const levels = answers["stock-levels"]
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { sku: string; level: number });
    broken.push(...brokenStockLaws(files, { openingStock, repeat }, { reserved: log.reserved, refused: log.refused, levels }));
    const alerts = expected["fraud-alerts"]!.length;
    if (log.outputs["business.fraud.alerts"] !== alerts)
      broken.push(`${log.outputs["business.fraud.alerts"]} fraud alerts on the log, not ${alerts}`);
    const total = log.records - log.resent;
    const lines = [
      `${killed.server} times killed the server, ${killed.starting} times while it started, ${killed.replayer} times the replayer, over ${((shown - begun) / 1000).toFixed(0)} s`,
      `${total} events of ${log.keys} keys on the log, each there, in order; ${log.resent} came again`,
      `${rows} rows of ${Object.keys(expected).length} queries compared, ${log.reserved.length} reservations each made once`,
    ];
    if (broken.length === 0) rmSync(data, { recursive: true });
    return { broken, lines, data };
  } catch (error) {
    return { broken: [error instanceof Error ? (error.stack ?? error.message) : String(error)], lines: [], data };
  } finally {
    await posting?.kill("SIGKILL");
    await server.kill();
  }
}

/** False while it runs. @throws when it ended with an error */
async function endedWell(child: Child): Promise<boolean> {
  if (child.running()) return false;
  const code = await child.ended;
  if (code !== 0) throw new Error(`the replayer ended with ${code}:\n${child.said()}`);
  return true;
}

function at(begun: number): string {
  return `${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s`;
}
