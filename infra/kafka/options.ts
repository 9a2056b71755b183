import { join } from "node:path";
import { parseArgs } from "node:util";
import { ClusterError } from "./cluster-error.ts";
import { cacheFolder, type Environment } from "./install/cache-folder.ts";

export const help = `npm run kafka -- COMMAND [OPTIONS]

Apache Kafka on this machine's loopback, from its own jars, by Java 17 or later.

  start       starts a cluster in the background; ready when the command ends
  stop        controlled shutdown of all nodes; the data stays
  status      nodes, pids, ports, who answers; ends with 1 unless all are ready
  kill N      SIGKILL to node N, as a crash
  restart N   starts node N again on its data
  fetch       only fetches the jars, and runs a node once for an archive of its classes, with which the next ones start sooner

  --data DIR      where the cluster lives (default: kafka-data in the cache); one cluster a folder
  --nodes 1|3     three: replication 3, min ISR 2 (default: as the data has it, else 1)
  --port PORT     of node 1; node 2 lies 10000 above it, node 3 20000, each controller one above its broker (default 19092)
  --fresh         drops the data of the cluster that was there
  --no-jit-limit  Java compiles as well as it can: slower to start, for measurements of throughput

The jars, some 55 MB, are fetched once by Maven into the cache: MILLRACE_CACHE, XDG_CACHE_HOME/millrace or ~/.cache/millrace. KAFKA_HOME names an
unpacked Kafka instead. As root, brokers run as MILLRACE_SERVICE_USER if that is set.
`;

/** Of a new cluster's first node when none is said. */
export const defaultPort = 19_092;

export type Command =
  | { readonly kind: "help" | "fetch" }
  | { readonly kind: "stop" | "status"; readonly data: string }
  | { readonly kind: "kill" | "restart"; readonly data: string; readonly node: number }
  | StartCommand;
export type StartCommand = {
  readonly kind: "start";
  readonly data: string;
  /** What is undefined is as the data folder has it. */
  readonly nodes: 1 | 3 | undefined;
  readonly port: number | undefined;
  readonly fresh: boolean;
  readonly jitLimit: boolean;
};

/** What the arguments ask for. @throws {ClusterError} `KAFKA_USAGE` */
export function parseCommand(args: readonly string[], env: Environment): Command {
  const { values, positionals } = parsed(args);
  const [kind, ...more] = positionals;
  if (values.help || kind === undefined) return { kind: "help" };
  const data = values.data ?? join(cacheFolder(env), "kafka-data");
  const node = kind === "kill" || kind === "restart" ? more.shift() : undefined;
  if (more.length > 0) throw usage(`${kind} takes no ${more[0]}`);
  if (kind !== "start") refuseStartOptions(kind, values);
  switch (kind) {
    case "start": {
      const { fresh = false, "no-jit-limit": noJitLimit = false } = values;
      return { kind, data, nodes: nodesOf(values.nodes), port: portOf(values.port), fresh, jitLimit: !noJitLimit };
    }
    case "stop":
    case "status":
      return { kind, data };
    case "kill":
    case "restart":
      return { kind, data, node: nodeOf(kind, node) };
    case "fetch":
      return { kind };
    default:
      throw usage(`there is no command ${kind}`);
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        data: { type: "string" },
        nodes: { type: "string" },
        port: { type: "string" },
        fresh: { type: "boolean" },
        "no-jit-limit": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

function refuseStartOptions(kind: string, values: Readonly<Record<string, unknown>>): void {
  for (const option of ["nodes", "port", "fresh", "no-jit-limit"]) {
    if (values[option] !== undefined) throw usage(`${kind} takes no --${option}`);
  }
}

function nodesOf(text: string | undefined): 1 | 3 | undefined {
  if (text === undefined) return undefined;
  if (text === "1") return 1;
  if (text === "3") return 3;
  throw usage(`--nodes is 1 or 3, not ${text}`);
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
  throw usage(`--port is a number, not ${text}`);
}

function nodeOf(kind: string, text: string | undefined): number {
  if (text !== undefined && /^[123]$/.test(text)) return Number(text);
  throw usage(`${kind} needs the number of a node, 1 to 3${text === undefined ? "" : `, not ${text}`}`);
}

function usage(message: string): ClusterError {
  return new ClusterError("KAFKA_USAGE", `${message}; npm run kafka -- --help`);
}
