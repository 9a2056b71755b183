import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { argumentMistake } from "../argument-mistake.ts";
import type { CommandHost } from "../command.ts";
import { runReplay, type ReplayOptions } from "./replay.ts";
import { ReplayError } from "./replay-error.ts";
import { progressText, type ReplayProgress, reportText } from "./report.ts";

/** The month that the repository ships. */
export const shippedMonth: string = fileURLToPath(new URL("../../data/online-retail/2011-04.csv.gz", import.meta.url));

export const replayArgs = {
  to: { type: "string" },
  speed: { type: "string", default: "max" },
  stamp: { type: "string", default: "data" },
  "opening-stock": { type: "string", default: "0" },
  repeat: { type: "string" },
  rejects: { type: "string" },
  wait: { type: "boolean", default: false },
  batch: { type: "string", default: "1000" },
  key: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

export const replayHelp = `millrace replay [FILE…] --to URL [options]

Posts real orders (CSV as of the Online Retail data, plain or gzip) as events to a running Millrace, in order and each once: a second
replay of the same files changes nothing, and when the server goes away the replay waits and goes on. Without FILE it takes the
month that the repository ships.

  --to URL            the server, as millrace dev prints it (or MILLRACE_URL)
  --speed N|max       event time runs N times as fast as the clock (3600: an hour a second); max: as fast as the server takes it (default)
  --stamp data|now    the time of events: that of the data (default), or that of sending; with now, gaps over 2 s are skipped, ids are
                      new in every run, and after the last row it begins again, until Ctrl-C or as often as --repeat says
  --opening-stock N   first receive N units of every article (default 0: none)
  --repeat N          send the files N times: ids with ~1, ~2…, dates moved on (default 1)
  --rejects FILE      report refused rows and rejected events to FILE, one JSON object a line
  --wait              return only when every query shows what was posted
  --batch N           events a request at most, 1 to 1000 (default 1000)
  --key KEY           authorisation key (or MILLRACE_KEY)
  --json              the final report as JSON
  -h, --help          this text

Exit codes: 0 posted (rows that were refused are in the report); 1 failed, or the server rejected events; 2 wrong usage; 130 interrupted.
`;

/** `millrace replay`: reads its arguments, replays, reports; answers the exit code. */
export async function runReplayCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const { stdout, stderr, signal } = host;
  const line = progressLine(stderr);
  try {
    const parsed = readArguments(args, host.env);
    if (parsed === "help") {
      stdout.write(replayHelp);
      return 0;
    }
    const report = await runReplay(parsed.options, { signal, onProgress: line.show, say: line.say });
    line.clear();
    stdout.write(parsed.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    if (report.interrupted) return 130;
    return report.events.rejected === 0 ? 0 : 1;
  } catch (error) {
    line.clear();
    if (!(error instanceof ReplayError)) throw error;
    stderr.write(`${error.code} ${error.message}\n`);
    if (error.code === "REPLAY_USAGE") stderr.write("millrace replay --help says more\n");
    return error.code === "REPLAY_USAGE" ? 2 : 1;
  }
}

/** @throws {ReplayError} `REPLAY_USAGE` */
export function readArguments(args: readonly string[], env: CommandHost["env"]): { options: ReplayOptions; json: boolean } | "help" {
  const { values, positionals } = parsed(args);
  if (values.help) return "help";
  const stamp = values.stamp;
  if (stamp !== "data" && stamp !== "now") throw usage(`--stamp is data or now, not ${stamp}`);
  const forever = stamp === "now" ? Number.POSITIVE_INFINITY : 1;
  const options: ReplayOptions = {
    files: positionals.length === 0 ? [shippedMonth] : positionals,
    to: serverUrl(values.to ?? env["MILLRACE_URL"]),
    speed: speedOf(values.speed),
    stamp,
    openingStock: whole("--opening-stock", values["opening-stock"], { least: 0, most: 2_147_483_647 }),
    repeat: values.repeat === undefined ? forever : whole("--repeat", values.repeat, { least: 1, most: 1_000_000 }),
    rejects: values.rejects ?? null,
    wait: values.wait,
    batch: whole("--batch", values.batch, { least: 1, most: 1000 }),
    key: values.key ?? env["MILLRACE_KEY"] ?? null,
  };
  if (options.wait && options.repeat === Number.POSITIVE_INFINITY)
    throw usage("--wait with --stamp now needs --repeat: without it, the replay has no end");
  return { options, json: values.json };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: replayArgs, allowPositionals: true });
  } catch (error) {
    throw usage(argumentMistake(error));
  }
}

function usage(message: string): ReplayError {
  return new ReplayError("REPLAY_USAGE", message);
}

function serverUrl(text: string | undefined): string {
  if (text === undefined || text === "") throw usage("say where to: --to http://127.0.0.1:PORT (millrace dev prints its URL)");
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw usage(`--to is an http(s) URL, not ${text}`);
  return text.replace(/\/+$/, "");
}

function speedOf(text: string): number {
  const speed = text === "max" ? Number.POSITIVE_INFINITY : /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
  if (speed > 0) return speed;
  throw usage(`--speed is a number above 0, or max, not ${text}`);
}

function whole(option: string, text: string, { least, most }: { least: number; most: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`${option} is a whole number from ${least} to ${most}, not ${text}`);
}

type ProgressLine = { readonly show: (progress: ReplayProgress) => void; readonly say: (line: string) => void; readonly clear: () => void };

/** Shows progress in place on a terminal, every five seconds elsewhere. */
function progressLine(stderr: CommandHost["stderr"]): ProgressLine {
  const inPlace = stderr.isTTY === true;
  const everyMs = inPlace ? 200 : 5000;
  let shownAt = inPlace ? 0 : Date.now();
  let visible = false;
  const clear = (): void => {
    if (visible) stderr.write("\r\u001b[2K");
    visible = false;
  };
  return {
    clear,
    show: (progress) => {
      const now = Date.now();
      if (now - shownAt < everyMs) return;
      shownAt = now;
      stderr.write(inPlace ? `\r\u001b[2K${progressText(progress)}` : `${progressText(progress)}\n`);
      visible = inPlace;
    },
    say: (line) => {
      clear();
      stderr.write(`${line}\n`);
    },
  };
}
