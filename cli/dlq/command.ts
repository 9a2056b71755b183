import type { CommandHost } from "../command.ts";
import { DlqError } from "./dlq-error.ts";
import { letterText, listText, type Report, reportText, type Shown, type Summary, summaryText, type Whole } from "./letter-text.ts";
import { LettersDoor } from "./letters-door.ts";
import { dlqHelp, type DlqOptions, readDlqOptions } from "./options.ts";

/** Letters of one request; between two of them Ctrl-C ends it. */
const atOnce = 1000;

/** `millrace dlq`: looks at dead letters of a running server, redrives and drops them. */
export async function runDlqCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const { stdout, stderr, signal } = host;
  try {
    const options = readDlqOptions(args, host.env);
    if (options === "help") {
      stdout.write(dlqHelp);
      return 0;
    }
    const door = new LettersDoor({ url: options.url, key: options.key, signal });
    if (options.action === "list") return await list(door, options, host);
    if (options.action === "show") return await show(door, options, host);
    return await settle(door, options, host);
  } catch (error) {
    if (signal.aborted) {
      stderr.write("interrupted; what is done stands, and the same command goes on behind it\n");
      return 130;
    }
    if (!(error instanceof DlqError)) throw error;
    stderr.write(`${error.code} ${error.message}\n`);
    if (error.code === "DLQ_USAGE") stderr.write("millrace dlq --help says more\n");
    return error.code === "DLQ_USAGE" ? 2 : 1;
  }
}

async function list(door: LettersDoor, { filter, state, limit, json }: DlqOptions, { stdout }: CommandHost): Promise<number> {
  const summary = (await door.get("/summary", filter)) as Summary;
  const { letters, ...found } = (await door.get("", { ...filter, state, limit: String(limit ?? 20) })) as {
    letters: readonly Shown[];
    complete: boolean;
  };
  if (json) stdout.write(`${JSON.stringify({ ...summary, letters, complete: found.complete && summary.complete }, null, 2)}\n`);
  else stdout.write(summaryText(summary) + listText(letters, found.complete));
  return 0;
}

async function show(door: LettersDoor, { letters, json }: DlqOptions, { stdout }: CommandHost): Promise<number> {
  const letter = (await door.get(`/${letters[0]!}`)) as Whole;
  stdout.write(json ? `${JSON.stringify(letter, null, 2)}\n` : letterText(letter));
  return 0;
}

/** As many requests as it takes, for what was there when the first one came; a dry run is one. What is refused is that of the last request, which has looked at all. */
async function settle(door: LettersDoor, options: DlqOptions, { stdout, stderr, signal }: CommandHost): Promise<number> {
  const { letters, filter, all, dryRun, why, by, limit = Infinity, json } = options;
  const action = options.action as "redrive" | "drop";
  let which: Readonly<Record<string, unknown>> = { ...filter, ...(letters.length > 0 ? { letters } : {}), ...(all ? { all } : {}) };
  let settled = 0;
  let last: Report;
  do {
    signal.throwIfAborted();
    const body = {
      ...which,
      dryRun,
      by,
      ...(why === undefined ? {} : { why }),
      limit: Math.min(dryRun ? 10_000 : atOnce, limit - settled),
    };
    last = (await door.post(`/${action}`, body)) as Report;
    settled += last.settled;
    // What fails again meanwhile is a new letter, and would be redriven without end.
    if (letters.length === 0) which = { ...which, to: last.until };
    if (!last.complete && stderr.isTTY === true) stderr.write(`\r${settled} so far…`);
  } while (!last.complete && !dryRun && settled < limit);
  if (stderr.isTTY === true && settled > atOnce) stderr.write("\r\u001b[K");
  const named = letters.length > 0;
  const refused = named && settled > atOnce ? last.refused.filter((one) => !one.why.startsWith("already")) : last.refused;
  const report = { ...last, settled, refused };
  stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, { action, dryRun }));
  if (dryRun && !last.complete) stderr.write("there are more: a dry run looks at the first 10000\n");
  return refused.length === 0 ? 0 : 1;
}
