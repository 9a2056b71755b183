import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { argumentMistake } from "../argument-mistake.ts";
import type { CommandHost } from "../command.ts";
import { DlqError } from "./dlq-error.ts";

export const dlqHelp = `millrace dlq list | show LETTER | redrive [LETTER…] | drop [LETTER…] [options]

Dead letters: records that a node refused, kept with the reason, the place and their bytes. Of a running Millrace, over HTTP.

  list      how many there are by topic, node and reason, and the newest of them
  show      one letter: headers, reason, position, bytes, and the event in them where it can be decoded
  redrive   puts letters back to the topic they came from, once each: after their cause was mended they go through. Those that had the
            record already do not see it again; letters of a key keep their order and come behind what was processed meanwhile.
  drop      says that letters are done with. They stay readable as long as the topic keeps them, and are recorded with who, when and why.

A LETTER is topic/partition/offset, as list gives it. Which letters otherwise (all that is said must fit):
  --topic T         of a topic, business.orders.created or its business.orders.created.dlq
  --node N          that this node or sink refused
  --reason R        for this reason
  --from T, --to T  set aside in this time: 2026-11-22T09:30:00Z, or a span before now: --from=-30m
  --all             all of them (redrive and drop only)

  --state S         list: open (default), settled or all
  --limit N         list: letters shown (default 20, at most 100); redrive, drop: at most so many (default: all that are meant)
  --dry-run         redrive, drop: say what would be done, and do nothing
  --why TEXT        why; a drop must say it
  --by NAME         who; the name of the user unless told
  --json            the answer as JSON
  --url URL         the server (or MILLRACE_URL; default http://127.0.0.1:8080)
  --key KEY         authorisation key (or MILLRACE_KEY)
  -h, --help        this text

Exit codes: 0 done; 1 failed, or letters that were meant could not be settled; 2 wrong usage; 130 interrupted (what is done stands).
`;

const args = {
  topic: { type: "string" },
  node: { type: "string" },
  reason: { type: "string" },
  from: { type: "string" },
  to: { type: "string" },
  all: { type: "boolean", default: false },
  state: { type: "string", default: "open" },
  limit: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  why: { type: "string" },
  by: { type: "string" },
  json: { type: "boolean", default: false },
  url: { type: "string" },
  key: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

export const dlqActions = ["list", "show", "redrive", "drop"] as const;

export type DlqOptions = {
  readonly action: (typeof dlqActions)[number];
  readonly letters: readonly string[];
  readonly filter: Readonly<Record<string, string>>;
  readonly all: boolean;
  readonly state: string;
  readonly limit: number | undefined;
  readonly dryRun: boolean;
  readonly why: string | undefined;
  readonly by: string;
  readonly json: boolean;
  readonly url: string;
  readonly key: string | null;
};

/** @throws {DlqError} `DLQ_USAGE` */
export function readDlqOptions(argv: readonly string[], env: CommandHost["env"]): DlqOptions | "help" {
  const { values, positionals } = parsed(argv);
  if (values.help) return "help";
  const [action, ...letters] = positionals;
  if (!isAction(action)) throw usage(`say what to do: ${dlqActions.join(", ")}`);
  if (action === "show" ? letters.length !== 1 : action === "list" && letters.length > 0)
    throw usage(action === "show" ? "show takes one letter: topic/partition/offset" : "list takes options, no letters; show takes one");
  const stray = letters.find((name) => !/^[^/]+\/\d+\/\d+$/.test(name));
  if (stray !== undefined) throw usage(`${stray} names no letter; one is topic/partition/offset, as list gives it`);
  const { topic, node, reason, from, to } = values;
  const said = Object.entries({ topic, node, reason, from, to }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const changes = action === "redrive" || action === "drop";
  if (changes && letters.length === 0 && said.length === 0 && !values.all)
    throw usage(`say which letters to ${action}: some LETTER, --topic, --node, --reason, --from or --to, or --all`);
  if (action === "drop" && values.why === undefined) throw usage("a drop says why: --why TEXT");
  if (!["open", "settled", "all"].includes(values.state)) throw usage(`--state is open, settled or all, not ${values.state}`);
  const url = values.url ?? env["MILLRACE_URL"] ?? "http://127.0.0.1:8080";
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw usage(`--url is an http(s) URL, not ${url}`);
  return {
    action,
    letters,
    filter: Object.fromEntries(said),
    all: values.all,
    state: values.state,
    limit: values.limit === undefined ? undefined : whole(values.limit, changes ? 100_000_000 : 100),
    dryRun: values["dry-run"],
    why: values.why,
    by: values.by ?? env["USER"] ?? userInfo().username,
    json: values.json,
    url: url.replace(/\/+$/, ""),
    key: values.key ?? env["MILLRACE_KEY"] ?? null,
  };
}

const isAction = (text: string | undefined): text is DlqOptions["action"] => (dlqActions as readonly (string | undefined)[]).includes(text);

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: args, allowPositionals: true });
  } catch (error) {
    throw usage(argumentMistake(error));
  }
}

const usage = (message: string): DlqError => new DlqError("DLQ_USAGE", message);

function whole(text: string, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw usage(`--limit is a whole number from 1 to ${most}, not ${text}`);
}
