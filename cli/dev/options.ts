import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { shippedTopology } from "../shipped-topology.ts";

export type DevOptions = {
  readonly topology: string;
  readonly data: string;
  readonly host: string;
  readonly port: number;
  /** Nobody named the port, so another will do when it is taken. */
  readonly anyPort: boolean;
  readonly demo: boolean;
  /** The gateway's own table of ids, the fast path against resent events; the answers are the same without it. */
  readonly duplicates: boolean;
  /** Whether the sinks of the file deliver. */
  readonly sinks: boolean;
  readonly commitMs: number;
  readonly commitRecords: number;
  readonly idleMs: number;
  readonly logLevel: string;
};

export const devHelp = `millrace dev [options]

Runs everything in one process: the gateway that takes events in, the pipeline of a topology file on an embedded log, the queries over
its results and a live page. Prints where. Ctrl-C drains and ends; started again, it goes on where it was.

  --topology FILE   the topology (default: the shipped topology/commerce.yaml)
  --data DIR        where log and state lie (default: .millrace)
  --port N          without it 8080, or a free one when that is taken; 0: any free one
  --host ADDRESS    default 127.0.0.1: reached from this machine only; any other asks for MILLRACE_KEY
  --demo            feed it with real orders (a month of a British retailer, an hour a second, stamped as they are sent)
  --no-demo         do not
  --no-duplicates   without the gateway's table of ids; the topology's dedupe alone makes a resent event count once
  --no-sinks        nothing leaves by the sinks of the file; they go on from there when it is left out again
  --commit-ms N     a commit is due this long after the first record in it (default 10)
  --commit-records N  or when so many have gathered (default 1000)
  --idle D          a source without input for so long no longer holds windows open, in ms (default 1000)
  --log LEVEL       debug, info, warn or error (default info); JSON lines in DIR/millrace.log, warnings on stderr too
  -h, --help        this text

Ctrl-C or SIGTERM waits for what is under way: a few ms, and with sinks as long as their calls take, each at most its timeout (30s, unless
the file says otherwise); a second Ctrl-C, a second later, ends at once, and such calls are made again at the next start.
MILLRACE_KEY asks for that key (Authorization: Bearer …) on every request that posts events; it is needed unless HTTP is on loopback.

Exit codes: 0 ended as asked; 1 failed; 2 wrong usage.
`;

const args = {
  topology: { type: "string" },
  data: { type: "string", default: ".millrace" },
  port: { type: "string" },
  host: { type: "string", default: "127.0.0.1" },
  demo: { type: "boolean", default: false },
  duplicates: { type: "boolean", default: true },
  sinks: { type: "boolean", default: true },
  "commit-ms": { type: "string", default: "10" },
  "commit-records": { type: "string", default: "1000" },
  idle: { type: "string", default: "1000" },
  log: { type: "string", default: "info" },
  help: { type: "boolean", short: "h", default: false },
} as const;

export type Usage = { readonly kind: "usage"; readonly message: string };

export function readDevOptions(argv: readonly string[]): DevOptions | Usage | "help" {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(argv);
  } catch (error) {
    return { kind: "usage", message: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return "help";
  const port = values.port ?? "8080";
  const numbers = [
    ["--port", port, 65_535],
    ["--commit-ms", values["commit-ms"], 60_000],
    ["--commit-records", values["commit-records"], 1_000_000],
    ["--idle", values.idle, 86_400_000_000],
  ] as const;
  for (const [name, text, most] of numbers)
    if (!/^\d+$/.test(text) || Number(text) > most)
      return { kind: "usage", message: `${name} is a whole number from 0 to ${most}, not ${text}` };
  if (!["debug", "info", "warn", "error"].includes(values.log))
    return { kind: "usage", message: `--log is debug, info, warn or error, not ${values.log}` };
  return {
    topology: values.topology === undefined ? shippedTopology : resolve(values.topology),
    data: resolve(values.data),
    host: values.host,
    port: Number(port),
    anyPort: values.port === undefined,
    demo: values.demo,
    duplicates: values.duplicates,
    sinks: values.sinks,
    commitMs: Number(values["commit-ms"]),
    commitRecords: Number(values["commit-records"]),
    idleMs: Number(values.idle),
    logLevel: values.log,
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: args, allowNegative: true }).values;
}
