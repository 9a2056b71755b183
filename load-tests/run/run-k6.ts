import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FoundK6 } from "../install/find-k6.ts";
import { LoadError } from "../load-error.ts";
import { type Child, startChild } from "./child.ts";
import { Course, quantile } from "./course.ts";
import { processCost, type ProcessCost } from "./process-cost.ts";
import { ToldFile } from "./told-file.ts";

export type K6Run = {
  readonly course: Course;
  readonly thresholds: readonly { readonly name: string; readonly held: boolean; readonly value: number | undefined }[];
  readonly droppedIterations: number;
  readonly k6: ProcessCost | undefined;
  readonly server: ProcessCost | undefined;
  /** Wall time of k6, with its start and end. */
  readonly seconds: number;
  /** Ctrl-C ended it early. */
  readonly interrupted: boolean;
};

export type K6Options = {
  readonly k6: FoundK6;
  /** What the script reads from its environment. */
  readonly script: Readonly<Record<string, string>>;
  readonly env: NodeJS.ProcessEnv;
  /** Where k6 leaves what it was told, and its summary. */
  readonly folder: string;
  readonly batch: number;
  /** At the most. */
  readonly requestsPerSecond: number;
  /** How long it is to take, in seconds, for who watches. */
  readonly lasts: number;
  /** Whose cost is taken beside k6's. */
  readonly serverPid: number | undefined;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
};

const script = fileURLToPath(new URL("../k6/load.ts", import.meta.url));
const sayEverySeconds = 5;
/** An eighth of what there is, which a container may bound. */
function mostMemoryMib(): number {
  const mib = Math.min(totalmem(), process.constrainedMemory() || Infinity) / 1024 ** 2;
  return Math.round(Math.min(3 * 1024, Math.max(1024, mib / 8)));
}
/** A second; a request of 10 events costs it 450 µs. */
const requestsPerCore = 2000;
const thresholdsCrossed = 99;
const abortedByUser = 105;

export const toldFileOf = (folder: string): string => join(folder, "told.txt");

/** As few as will do: with more, its threads wake each other for every answer, which costs a third of its CPU. */
const coresFor = (requestsPerSecond: number): number => Math.min(availableParallelism(), Math.ceil(requestsPerSecond / requestsPerCore));

/** Runs k6 to its end, telling how it goes. A signal ends it early, in good order. @throws {LoadError} `LOAD_K6_FAILED` */
export async function runK6(options: K6Options): Promise<K6Run> {
  const { k6, env, folder, batch, lasts, serverPid, signal } = options;
  const summary = join(folder, "summary.json");
  const told = toldFileOf(folder);
  const variables = Object.entries({ ...options.script, SUMMARY: summary }).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const args = ["run", "--quiet", "--no-color", "--log-format", "raw", "--console-output", told, ...variables, script];
  const began = performance.now();
  const alone = {
    // Users keep little and make much rubbish. While it is collected, k6 and its server wait for each other: so seldom, if there is memory.
    GOGC: "1000",
    GOMEMLIMIT: `${mostMemoryMib()}MiB`,
    GOMAXPROCS: `${coresFor(options.requestsPerSecond)}`,
    ...env,
    K6_NO_USAGE_REPORT: "true",
    K6_AUTO_EXTENSION_RESOLUTION: "false",
  };
  const child = await startChild(k6.path, { args, env: alone });
  const interrupt = (): void => child.signal("SIGINT");
  signal.addEventListener("abort", interrupt, { once: true });
  if (signal.aborted) interrupt();
  const course = new Course(batch);
  const costs = await follow(child, { course, told: new ToldFile(told), lasts, serverPid, say: options.say });
  signal.removeEventListener("abort", interrupt);
  const how = await child.ended;
  if ((how !== 0 && how !== thresholdsCrossed && how !== abortedByUser) || !existsSync(summary))
    throw new LoadError("LOAD_K6_FAILED", `k6 ended with ${how}:\n${child.said().trim()}`);
  const seconds = (performance.now() - began) / 1000;
  return { course, ...costs, ...readSummary(summary), seconds, interrupted: how === abortedByUser || signal.aborted };
}

type Followed = {
  readonly course: Course;
  readonly told: ToldFile;
  readonly lasts: number;
  readonly serverPid: number | undefined;
  readonly say: (line: string) => void;
};

async function follow(child: Child, { course, told, lasts, serverPid, say }: Followed): Promise<Pick<K6Run, "k6" | "server">> {
  const serverCost = (): ProcessCost | undefined => (serverPid === undefined ? undefined : processCost(serverPid));
  const serverBefore = serverCost();
  let last = { at: performance.now(), k6: processCost(child.pid), server: serverBefore };
  let ended = false;
  void child.ended.then(() => (ended = true));
  for (let n = 1; !ended; n++) {
    await Promise.race([child.ended, delay(1000)]);
    for (const line of told.more()) course.take(line);
    if (ended) break;
    const now = { at: performance.now(), k6: processCost(child.pid), server: serverCost() };
    const cores = (before: ProcessCost | undefined, after: ProcessCost | undefined): number | undefined =>
      before === undefined || after === undefined ? undefined : (1000 * (after.cpuSeconds - before.cpuSeconds)) / (now.at - last.at);
    if (course.beganAt !== undefined) {
      const second = course.second(Date.now() - 1000);
      second.k6Cores = cores(last.k6, now.k6);
      second.serverCores = cores(last.server, now.server);
    }
    last = { at: now.at, k6: now.k6 ?? last.k6, server: now.server ?? last.server };
    if (n % sayEverySeconds === 0) say(progress(course, lasts));
  }
  told.close();
  const server = serverCost();
  return {
    k6: last.k6,
    server:
      server === undefined || serverBefore === undefined
        ? undefined
        : { cpuSeconds: server.cpuSeconds - serverBefore.cpuSeconds, peakMb: server.peakMb },
  };
}

function progress({ seconds, accepted }: Course, lasts: number): string {
  // The newest second is not over yet.
  const lately = seconds.slice(0, -1).slice(-sayEverySeconds);
  const perSecond = lately.reduce((sum, second) => sum + second.accepted, 0) / Math.max(1, lately.length);
  const p95 = quantile(
    lately.flatMap(({ posts }) => posts),
    0.95,
  );
  const shown = quantile(
    lately.flatMap(({ shown }) => shown),
    0.95,
  );
  const { k6Cores, serverCores } = lately.at(-1) ?? {};
  const told = (value: number | undefined, unit: string, digits = 0): string =>
    value === undefined ? "–" : `${value.toFixed(digits)}${unit}`;
  return (
    `${String(seconds.length).padStart(4)} of ${lasts} s  ${Math.round(perSecond).toLocaleString("en")} events/s  accepted ${accepted.toLocaleString("en")}  ` +
    `post p95 ${told(p95, " ms")}  shown p95 ${told(shown, " ms")}  cores: k6 ${told(k6Cores, "", 2)}, server ${told(serverCores, "", 2)}`
  );
}

type Metric = {
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
};

function readSummary(path: string): Pick<K6Run, "thresholds" | "droppedIterations"> {
  const metrics = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, Metric>>;
  const thresholds = Object.entries(metrics).flatMap(([metric, { values, thresholds = {} }]) =>
    Object.entries(thresholds).map(([rule, { ok }]) => ({
      name: `${metric} ${rule}`,
      held: ok,
      value: values[/^[^<>=]+/.exec(rule)?.[0] ?? ""],
    })),
  );
  return { thresholds, droppedIterations: metrics["dropped_iterations"]?.values["count"] ?? 0 };
}
