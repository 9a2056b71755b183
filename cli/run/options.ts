import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseDuration } from "#topology/parse/duration.ts";
import { argumentMistake } from "../argument-mistake.ts";

export type RunOptions = {
  readonly topology: string;
  /** URL of the cluster, `kafka://…`. */
  readonly broker: string;
  readonly workers: number;
  /** Folder of the local copies of the state. */
  readonly state: string;
  /** Undefined: the name that the state folder keeps. */
  readonly instance: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Where other processes reach this one, when not at host and port. */
  readonly advertise: { readonly host: string; readonly port: number | undefined } | undefined;
  readonly gateway: boolean;
  readonly duplicates: boolean;
  /** Whether the sinks of the file deliver from this process. */
  readonly sinks: boolean;
  readonly retention: "default" | "forever";
  readonly replication: number | undefined;
  readonly minIsr: number | undefined;
  readonly commitMs: number;
  readonly commitRecords: number;
  readonly idleMs: number;
  readonly taskIdleMs: number;
  readonly sessionTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly keepMembership: boolean;
  /** How long the first answer of the cluster is waited for. */
  readonly connectMs: number;
  readonly logLevel: string;
};

export const runHelp = `millrace run TOPOLOGY --broker kafka://HOST:PORT,… [options]

Runs a topology file on Kafka: workers, the gateway that takes events in, queries, metrics and the live page in one process. Start any
number of such processes, on any number of machines: they share the work, and each answers every query. Add and remove them at any time.

  --broker URL      the cluster (or MILLRACE_BROKER): kafka://host:port,host:port, or kafkas:// by TLS; ?sasl=plain|scram-sha-256|
                    scram-sha-512|oauthbearer|aws-msk-iam with its secrets in MILLRACE_KAFKA_USERNAME, _PASSWORD, _TOKEN…
  --workers N       worker threads, each with its own connections and state file (default 1)
  --state DIR       where the local copies of the state lie (default .millrace/run); a process that starts with its old folder reads only
                    what it has missed. One process a folder
  --instance NAME   the name that outlives the process (default: one that the state folder keeps); a process that comes back under it
                    within the session has its tasks back without a rebalance. One process a name
  --port N          HTTP (default 8080; 0: any free one)
  --host ADDRESS    where HTTP listens (default 127.0.0.1: reached from this machine only)
  --advertise HOST[:PORT]  where the other processes reach this one, for queries (default: --host, or this machine's address)
  --no-gateway      take no events in; queries, metrics and health only
  --no-duplicates   without the gateway's table of ids; the topology's dedupe alone makes a resent event count once
  --no-sinks        nothing leaves by the sinks of the file from this process; other processes deliver
  --keep-membership leave without giving the tasks back: for a restart that is over before the session is (rolling updates)

Topics are made when they are missing and verified when they are there, never altered:
  --retention R     default: as the schemas say (business 7 days, audit 30); forever: nothing is deleted. Kafka deletes by the time of the
                    record: a replay of old orders needs forever
  --replication N   default: 3, or as many as the cluster has nodes
  --min-isr N       replicas that must have a record before it is acknowledged (default: the cluster's own setting)

  --commit D        a commit is due this long after the first record in it (default 25ms)
  --commit-records N  or when so many have gathered (default 20000)
  --idle D          a source without input for so long no longer holds windows open (default 1s); longer than the run for a replay at speed
  --task-idle D     how long a task that reads several topics waits for one that is empty, so that their events are taken in the order of time
                    (default 20ms); a second or two for a replay at speed, in which milliseconds are hours
  --session-timeout D      a process that is not heard of for so long loses its tasks to the others (default 15s)
  --transaction-timeout D  what a dead process left open holds its successor up for so long; above the longest commit (default 15s)
  --connect-timeout D      how long to wait for the cluster at the start (default 15s)
  --log LEVEL       debug, info, warn or error (default info): JSON lines on stderr
  -h, --help        this text

SIGTERM or Ctrl-C: refuses new events, finishes those let in, commits, gives its tasks to the others, ends; a second Ctrl-C ends at once.
MILLRACE_KEY asks for that key (Authorization: Bearer …) on every request that posts events; it is needed unless HTTP is on loopback.

Exit codes: 0 ended as asked; 1 failed; 2 wrong usage.
`;

const args = {
  broker: { type: "string" },
  workers: { type: "string", default: "1" },
  state: { type: "string", default: ".millrace/run" },
  instance: { type: "string" },
  port: { type: "string", default: "8080" },
  host: { type: "string", default: "127.0.0.1" },
  advertise: { type: "string" },
  gateway: { type: "boolean", default: true },
  duplicates: { type: "boolean", default: true },
  sinks: { type: "boolean", default: true },
  "keep-membership": { type: "boolean", default: false },
  retention: { type: "string", default: "default" },
  replication: { type: "string" },
  "min-isr": { type: "string" },
  commit: { type: "string", default: "25ms" },
  "commit-records": { type: "string", default: "20000" },
  idle: { type: "string", default: "1s" },
  "task-idle": { type: "string", default: "20ms" },
  "session-timeout": { type: "string", default: "15s" },
  "transaction-timeout": { type: "string", default: "15s" },
  "connect-timeout": { type: "string", default: "15s" },
  log: { type: "string", default: "info" },
  help: { type: "boolean", short: "h", default: false },
} as const;

class Refusal {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export type Usage = { readonly kind: "usage"; readonly message: string };

/** Reads the arguments of `millrace run`; the first mistake is told with what would be right. */
export function readRunOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): RunOptions | Usage | "help" {
  try {
    const { values, positionals } = parse(argv);
    return values.help ? "help" : read(values, positionals, env);
  } catch (error) {
    if (error instanceof Refusal || error instanceof TypeError)
      return { kind: "usage", message: error instanceof Refusal ? error.message : argumentMistake(error) };
    throw error;
  }
}

type Values = ReturnType<typeof parse>["values"];

function read(values: Values, positionals: readonly string[], env: Readonly<Record<string, string | undefined>>): RunOptions {
  const [topology, ...more] = positionals;
  if (topology === undefined || more.length > 0) refuse("say which topology file to run, one: millrace run topology/commerce.yaml …");
  const broker = values.broker ?? env["MILLRACE_BROKER"] ?? "";
  if (broker === "") refuse("say where Kafka is: --broker kafka://127.0.0.1:9092");
  const { instance, retention, log } = values;
  if (instance !== undefined && !/^[A-Za-z0-9._-]{1,100}$/.test(instance))
    refuse(`--instance has letters, digits, ".", "_" and "-", at most 100, not ${instance}`);
  if (retention !== "default" && retention !== "forever") refuse(`--retention is default or forever, not ${retention}`);
  if (!["debug", "info", "warn", "error"].includes(log)) refuse(`--log is debug, info, warn or error, not ${log}`);
  const replication = values.replication === undefined ? undefined : whole("--replication", values.replication, [1, 100]);
  const minIsr = values["min-isr"] === undefined ? undefined : whole("--min-isr", values["min-isr"], [1, 100]);
  if (replication !== undefined && minIsr !== undefined && minIsr > replication)
    refuse(`--min-isr ${minIsr} cannot be reached with --replication ${replication}`);
  return {
    topology: resolve(topology),
    broker,
    workers: whole("--workers", values.workers, [1, 256]),
    state: resolve(values.state),
    instance,
    host: values.host,
    port: whole("--port", values.port, [0, 65_535]),
    advertise: values.advertise === undefined ? undefined : addressOf(values.advertise),
    gateway: values.gateway,
    duplicates: values.duplicates,
    sinks: values.sinks,
    retention,
    replication,
    minIsr,
    commitMs: span("--commit", values.commit, [0, 60_000]),
    commitRecords: whole("--commit-records", values["commit-records"], [1, 10_000_000]),
    idleMs: span("--idle", values.idle, [0, Number.MAX_SAFE_INTEGER]),
    taskIdleMs: span("--task-idle", values["task-idle"], [0, 3_600_000]),
    sessionTimeoutMs: span("--session-timeout", values["session-timeout"], [1000, 1_800_000]),
    transactionTimeoutMs: span("--transaction-timeout", values["transaction-timeout"], [1000, 900_000]),
    keepMembership: values["keep-membership"],
    connectMs: span("--connect-timeout", values["connect-timeout"], [0, 3_600_000]),
    logLevel: log,
  };
}

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: args, allowPositionals: true, allowNegative: true });
}

function refuse(message: string): never {
  // oxlint-disable-next-line typescript/only-throw-error: caught above, and shown without a stack
  throw new Refusal(message);
}

function whole(option: string, text: string, [least, most]: readonly [number, number]): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : refuse(`${option} is a whole number from ${least} to ${most}, not ${text}`);
}

function span(option: string, text: string, [least, most]: readonly [number, number]): number {
  const ms = parseDuration(text, 0);
  if (ms === undefined) return refuse(`${option} is a span of time such as 250ms, 30s or 1h, not ${text}`);
  return ms >= least && ms <= most ? ms : refuse(`${option} is at least ${least}ms and at most ${most}ms, not ${text}`);
}

function addressOf(text: string): NonNullable<RunOptions["advertise"]> {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535)
    return refuse(`--advertise is HOST or HOST:PORT, not ${text}`);
  return { host, port: port === undefined ? undefined : Number(port) };
}
