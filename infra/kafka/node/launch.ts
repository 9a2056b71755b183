import { execFile, spawn, type StdioOptions } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { ClusterError } from "../cluster-error.ts";
import type { Environment } from "../install/cache-folder.ts";
import { classArchive } from "../install/class-archive.ts";
import { findJars } from "../install/jars.ts";
import { findJava } from "../install/java.ts";
import { inheritedDescriptors } from "./inherited-descriptors.ts";
import type { NodeFiles } from "./node-files.ts";
import { serviceUser, type ServiceUser } from "./service-user.ts";

/** How nodes are started. */
export type Launch = {
  readonly java: string;
  readonly jars: string;
  readonly user: ServiceUser | undefined;
  readonly heapMb: number;
  /** Only the quick compiler: it starts sooner and leaves the cores to the tests. Throughput wants the whole one. */
  readonly jitLimit: boolean;
  /** An archive of Kafka's classes that Java starts from, or writes when the node ends; undefined: neither. */
  readonly archive: { readonly kind: "read" | "write"; readonly file: string } | undefined;
  /** `detached`: a process group of its own, which outlives this process. `process`: ends with this process, or thread. */
  readonly lifetime: "process" | "detached";
};

/** @throws {ClusterError} `KAFKA_NO_JAVA`, `KAFKA_NO_JARS`, `KAFKA_FETCH_FAILED` */
export async function findLaunch(options: {
  readonly env: Environment;
  readonly say: ((line: string) => void) | undefined;
  readonly lifetime: Launch["lifetime"];
  readonly jitLimit: boolean;
  readonly nodes: number;
  /** Where the node leaves an archive of its classes when it ends. */
  readonly archiveTo?: string | undefined;
}): Promise<Launch> {
  const { env, say = () => undefined, lifetime, jitLimit, nodes, archiveTo } = options;
  const java = await findJava(env);
  const jars = await findJars(env, say);
  const archive = archiveTo === undefined ? await archiveOf(env, { java, jars }) : ({ kind: "write", file: archiveTo } as const);
  return { java, jars, user: await serviceUser(env), heapMb: nodes === 1 ? 512 : 384, jitLimit, archive, lifetime };
}

async function archiveOf(env: Environment, of: Pick<Launch, "java" | "jars">): Promise<Launch["archive"]> {
  const file = await classArchive(env, of);
  return existsSync(file) ? { kind: "read", file } : undefined;
}

/** Starts a broker; answers its pid. @throws {ClusterError} `KAFKA_START_FAILED` */
export async function launchNode(launch: Launch, files: NodeFiles): Promise<number> {
  const detached = launch.lifetime === "detached";
  const prefix = !detached && (await canEndWithParent()) ? ["setpriv", "--pdeathsig", "KILL"] : [];
  const [command, ...args] = [
    ...prefix,
    launch.java,
    "-Xms128m",
    `-Xmx${launch.heapMb}m`,
    "-XX:+UseSerialGC",
    ...(launch.jitLimit ? ["-XX:TieredStopAtLevel=1"] : []),
    "-XX:+ExitOnOutOfMemoryError",
    ...(launch.archive?.kind === "write" ? [`-XX:ArchiveClassesAtExit=${launch.archive.file}`] : []),
    "-Djava.awt.headless=true",
    ...classPath(launch, files),
    "kafka.Kafka",
    files.properties,
  ];
  const output = openSync(files.output, "a");
  const nothing = openSync("/dev/null", "r+");
  try {
    const child = spawn(command!, args, { cwd: files.folder, detached, stdio: stdio(output, nothing), ...launch.user });
    child.unref();
    return await new Promise<number>((settle, fail) => {
      child.once("spawn", () => settle(child.pid!));
      child.once("error", (error) => fail(new ClusterError("KAFKA_START_FAILED", `${command} cannot be run: ${error.message}`, error)));
    });
  } finally {
    closeSync(output);
    closeSync(nothing);
  }
}

/** Makes the node's data folder one of the cluster. @throws {ClusterError} `KAFKA_START_FAILED` */
export async function formatNode(launch: Launch, files: NodeFiles, options: readonly string[]): Promise<void> {
  const args = ["-Xmx128m", "-XX:TieredStopAtLevel=1", ...classPath(launch, files), "kafka.tools.StorageTool", "format"];
  try {
    const inFolder = { cwd: files.folder, timeout: 120_000, ...launch.user };
    await promisify(execFile)(launch.java, [...args, "--config", files.properties, ...options], inFolder);
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    const said = `${stderr}${stdout}`.trim().split("\n").slice(0, 5).join("\n");
    throw new ClusterError("KAFKA_START_FAILED", `${files.data} could not be formatted: ${said || message}`, error);
  }
}

function classPath(launch: Launch, files: NodeFiles): readonly string[] {
  // As a URL, for log4j reads commas in a path as a list of files.
  const logging = `-Dlog4j2.configurationFile=${pathToFileURL(files.logging).href}`;
  const archive = launch.archive?.kind === "read" ? [`-XX:SharedArchiveFile=${launch.archive.file}`] : [];
  // Java takes an archive that does not fit, of jars that were written since, for none.
  return [...archive, logging, "-cp", `${launch.jars}/*`];
}

/** Where this process holds descriptors that the child would inherit, the child gets the empty file. */
function stdio(output: number, nothing: number): StdioOptions {
  const places: ("ignore" | number)[] = ["ignore", output, output];
  for (const descriptor of inheritedDescriptors()) {
    while (places.length < descriptor) places.push("ignore");
    places[descriptor] = nothing;
  }
  return places;
}

let withParent: Promise<boolean> | undefined;
/** Linux can end a child when its parent dies, were it by SIGKILL; elsewhere an `exit` handler does what it can. */
function canEndWithParent(): Promise<boolean> {
  withParent ??= promisify(execFile)("setpriv", ["--pdeathsig", "KILL", "true"]).then(
    () => true,
    () => false,
  );
  return withParent;
}
