import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findK6, type FoundK6 } from "./install/find-k6.ts";
import { LoadError } from "./load-error.ts";
import { help, type LoadCommand, parseLoadCommand } from "./options.ts";
import { loadAverage, machine } from "./report/machine.ts";
import { heldAll, type Outcome, rowsOf, tableOf, verdictOf } from "./report/outcome.ts";
import { pageOf } from "./report/page.ts";
import type { RunNames } from "./round.ts";
import { startOwnServer } from "./run/own-server.ts";
import { type K6Run, runK6, toldFileOf } from "./run/run-k6.ts";
import { type ReadersReport, StreamReaders } from "./run/stream-readers.ts";
import { ToldFile } from "./run/told-file.ts";
import { requestsPerSecondOf, secondsOf } from "./scenarios.ts";
import { countingQuery, countOrders } from "./verify/counted-orders.ts";
import { LogJudge, type LogVerdict } from "./verify/log-verdict.ts";
import { readLog } from "./verify/read-log.ts";
import { SentEvents } from "./verify/sent-events.ts";

/** Where a command is run. */
export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
};

export const exitCodes = { held: 0, notHeld: 1, usage: 2, notRun: 3, interrupted: 130 } as const;

/** Does what the arguments ask for. Answers the exit code. */
export async function runLoadCommand(args: readonly string[], around: Surroundings): Promise<number> {
  try {
    const command = parseLoadCommand(args, Date.now());
    if (command.kind === "help") {
      around.say(help.trimEnd());
      return exitCodes.held;
    }
    const k6 = await findK6(around.env, around.say);
    if (command.kind === "run") return await run(command, k6, around);
    around.say(`k6 ${k6.version}: ${k6.path}`);
    return exitCodes.held;
  } catch (error) {
    if (around.signal.aborted && error === around.signal.reason) return exitCodes.interrupted;
    if (!(error instanceof LoadError)) throw error;
    around.complain(`${error.code} ${error.message}`);
    return error.code === "LOAD_USAGE" ? exitCodes.usage : exitCodes.notRun;
  }
}

type Run = Extract<LoadCommand, { readonly kind: "run" }>;

async function run(command: Run, k6: FoundK6, around: Surroundings): Promise<number> {
  const { settings, keep } = command;
  const folder = await mkdtemp(join(tmpdir(), "millrace-load-"));
  const data = command.data === undefined ? join(folder, "data") : resolve(command.data);
  try {
    const outcome = await loaded(command, { k6, folder, data }, around);
    around.say(`\n${tableOf(rowsOf(outcome))}`);
    for (const example of outcome.log?.examples ?? []) around.say(`    ${example}`);
    around.say(`\n${verdictOf(outcome)}`);
    const report = resolve(command.report ?? join(".millrace", "load", `${settings.name}-b${settings.batch}-${settings.run}.html`));
    await mkdir(dirname(report), { recursive: true });
    await writeFile(report, pageOf(outcome));
    around.say(`report: ${report}`);
    if (outcome.serverAway !== undefined) throw outcome.serverAway;
    if (outcome.k6Run.interrupted) return exitCodes.interrupted;
    return heldAll(outcome) ? exitCodes.held : exitCodes.notHeld;
  } finally {
    if (keep) around.say(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

type Places = { readonly k6: FoundK6; readonly folder: string; readonly data: string };

/** Server, load, server's end, verdict. Whatever happens, the server does not stay. */
async function loaded({ settings, script, url: given }: Run, { k6, folder, data }: Places, around: Surroundings): Promise<Outcome> {
  const { env, say, signal } = around;
  const facts = machine();
  const startedAt = new Date();
  say(`${settings.name}: ${settings.scenario.summary}, ${settings.batch} a request; k6 ${k6.version}; load average ${facts.loadBefore}`);
  const server = given === undefined ? await startOwnServer(data, env, signal) : undefined;
  const url = server?.url ?? settings.url;
  const died = new AbortController();
  let how: number | NodeJS.Signals | undefined;
  void server?.ended.then((as) => {
    how = as;
    died.abort();
  });
  const serverFailed = (): LoadError | undefined =>
    died.signal.aborted
      ? new LoadError("LOAD_SERVER_FAILED", `millrace dev ended with ${how} in the midst of the load:\n${server?.said()}`)
      : undefined;
  let serverAway: LoadError | undefined;
  let k6Run: K6Run | undefined;
  let orders: Outcome["orders"];
  let read: ReadersReport | undefined;
  const readers = settings.scenario.readers > 0 ? new StreamReaders(url, settings.scenario.readers) : undefined;
  const sent = new SentEvents(settings);
  try {
    const queries = await queriesOf(url, env);
    say(`${server === undefined ? "loading" : "started"} ${url}`);
    const visibleBy = settings.visibleBy !== undefined && queries.has(settings.visibleBy) ? settings.visibleBy : "";
    await readers?.start();
    const variables = { ...script, URL: url, VISIBLE_BY: visibleBy };
    k6Run = await runK6({
      k6,
      script: variables,
      env,
      folder,
      batch: settings.batch,
      requestsPerSecond: requestsPerSecondOf(settings.scenario, settings.batch),
      lasts: secondsOf(settings.scenario),
      serverPid: server?.pid,
      signal: AbortSignal.any([signal, died.signal]),
      say,
    });
    say(`${k6Run.course.accepted.toLocaleString("en")} events were accepted; reading them back …`);
    readTold(folder, sent);
    serverAway = server === undefined ? await awayNow(url, env) : serverFailed();
    if (serverAway === undefined) {
      if (queries.has(countingQuery)) orders = await countOrders(url, sent, settings);
      read = await readers?.finish();
    }
  } catch (error) {
    // What could not be asked may be for its end, which is known a moment later; then that is what to tell.
    if (server !== undefined && !signal.aborted) await Promise.race([server.ended, delay(1000)]);
    serverAway = serverFailed();
    if (serverAway === undefined || k6Run === undefined) throw serverAway ?? error;
  } finally {
    readers?.close();
    if (!died.signal.aborted) await server?.stop();
  }
  const log = server === undefined ? undefined : await judgedLog(data, sent, settings);
  return {
    settings,
    machine: facts,
    loadAfter: loadAverage(),
    k6Version: k6.version,
    k6Run,
    log,
    orders,
    readers: read,
    serverAway,
    url: given,
    startedAt,
  };
}

/** Why the server can be asked for nothing more, if so. */
async function awayNow(url: string, env: NodeJS.ProcessEnv): Promise<LoadError | undefined> {
  try {
    await queriesOf(url, env);
    return undefined;
  } catch (error) {
    if (error instanceof LoadError) return error;
    throw error;
  }
}

function readTold(folder: string, sent: SentEvents): void {
  if (!existsSync(toldFileOf(folder))) return;
  const file = new ToldFile(toldFileOf(folder));
  for (const told of file.more()) sent.take(told);
  file.close();
  sent.finish();
}

/** What a server that has stopped has on its log, against what k6 was told. */
export async function judgedLog(data: string, sent: SentEvents, names: RunNames): Promise<LogVerdict> {
  const judge = new LogJudge(sent, names);
  for await (const record of readLog(data)) judge.take(record);
  return judge.verdict();
}

/** @throws {LoadError} `LOAD_SERVER_AWAY` */
async function queriesOf(url: string, env: NodeJS.ProcessEnv): Promise<ReadonlySet<string>> {
  const key = env["MILLRACE_KEY"];
  try {
    const headers = key ? { headers: { Authorization: `Bearer ${key}` } } : {};
    const answer = await fetch(`${url}/v1/queries`, headers);
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
    const { queries } = (await answer.json()) as { readonly queries: readonly { readonly name: string }[] };
    // Queries are for everybody; the tail asks for the key as posts do.
    const tail = await fetch(`${url}/v1/tail`, headers);
    await tail.body?.cancel();
    if (tail.status === 401)
      throw new LoadError("LOAD_SERVER_AWAY", `${url} takes events by a key, and MILLRACE_KEY ${key ? "is another" : "is not set"}`);
    return new Set(queries.map(({ name }) => name));
  } catch (error) {
    if (error instanceof LoadError) throw error;
    const { message, cause } = error as Error;
    const why = cause instanceof Error && cause.message !== "" ? cause.message : message;
    throw new LoadError(
      "LOAD_SERVER_AWAY",
      `${url} cannot be asked for its queries (${why}): start it (npx millrace dev --no-demo), or leave --url away and the run starts one of its own`,
      error,
    );
  }
}
