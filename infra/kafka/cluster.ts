import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { ClusterError } from "./cluster-error.ts";
import type { Environment } from "./install/cache-folder.ts";
import { type ClusterFile, notePid, readClusterFile } from "./node/cluster-file.ts";
import { findLaunch, type Launch, launchNode } from "./node/launch.ts";
import { withFolderLock } from "./node/folder-lock.ts";
import { nodeFiles } from "./node/node-files.ts";
import { type End, isNode, killNode, stopNode } from "./node/node-process.ts";
import { refuseTaken } from "./node/ports.ts";
import { planCluster, prepareFolder, type Wanted } from "./node/prepare.ts";
import { answerOf, awaitReady, isReady, type Node } from "./node/readiness.ts";
import { until } from "./node/until.ts";
import type { NodeAnswer } from "./node/wire.ts";

/** How a cluster is wanted. What is left out is as the data folder has it, or else as said here. */
export type ClusterOptions = {
  /** One node, or three with replication 3 and min ISR 2. Default 1. */
  readonly nodes?: 1 | 3 | undefined;
  /** Of node 1; node 2 lies 10 000 above it, node 3 20 000, every controller one above its broker. Default: free ones. */
  readonly port?: number | undefined;
  readonly dataFolder: string;
  /** Whether a former cluster's data in the folder is dropped. Default: kept. */
  readonly fresh?: boolean;
  /** `process` (default): the nodes end when this process or worker thread does, however it ends. `detached`: they outlive it. */
  readonly lifetime?: "process" | "detached";
  /** Only Java's quick compiler, which starts sooner; false for measurements of throughput. Default true. */
  readonly jitLimit?: boolean;
  /** Where a node, the only one, leaves an archive of its classes when it is stopped. Default: nowhere. */
  readonly archiveTo?: string;
  /** Kafka settings of every node beside and instead of ours, by their names. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Read: JAVA_HOME, PATH, KAFKA_HOME, MILLRACE_CACHE, XDG_CACHE_HOME, MILLRACE_SERVICE_USER. Default: that of this process. */
  readonly env?: Environment;
  /** Told when something takes long. Default: nobody. */
  readonly say?: (line: string) => void;
};

/** How a node came to its end. */
export type NodeEnd = { readonly id: number; readonly end: End };

/** A node as it is now. */
export type NodeStatus = Pick<Node, "id" | "port" | "controllerPort"> & {
  /** Null when it does not run. */
  readonly pid: number | null;
  /** A client can go to work with it. */
  readonly ready: boolean;
  /** Undefined when it does not answer: it does not run, starts, or is paused. */
  readonly answer: NodeAnswer | undefined;
};

/** How a handle starts its nodes. */
type Starts = { readonly lifetime: Launch["lifetime"]; readonly launch: () => Promise<Launch> };

const stopDeadlineMs = 20_000;
const syncDeadlineMs = 60_000;

/**
 * Starts a cluster and resolves when clients can use it: every node answers and knows the others, coordinators of groups and transactions are found,
 * all replicas are in sync. The caller stops it. One node takes some 4 s, three 9; half as much again without an archive of its classes.
 *
 * @throws {ClusterError} `KAFKA_NO_JAVA`, `KAFKA_NO_JARS`, `KAFKA_FETCH_FAILED`, `KAFKA_RUNNING`, `KAFKA_PORT_TAKEN`, `KAFKA_DATA_MISMATCH`,
 *   `KAFKA_START_FAILED`, `KAFKA_TIMEOUT`
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { nodes, port, fresh = false, settings = {}, lifetime = "process", jitLimit = true, env = process.env, say, archiveTo } = options;
  const wanted: Wanted = { nodes, port, fresh, settings };
  const dataFolder = checkedFolder(options.dataFolder);
  mkdirSync(dataFolder, { recursive: true });
  return withFolderLock(dataFolder, async () => {
    const plan = await planCluster(dataFolder, wanted);
    const launch = await findLaunch({ env, say, lifetime, jitLimit, nodes: plan.nodes.length, archiveTo });
    await prepareFolder(dataFolder, plan, { launch, wanted });
    const cluster = new Cluster(dataFolder, { lifetime, launch: async () => launch });
    await cluster.start();
    return cluster;
  });
}

/** The cluster that was started on a data folder, by whatever process. @throws {ClusterError} `KAFKA_NOT_RUNNING` when none ever was */
export function openCluster(dataFolder: string, { env = process.env, say }: Pick<ClusterOptions, "env" | "say"> = {}): Cluster {
  const folder = resolve(dataFolder);
  const { jitLimit, nodes } = clusterFile(folder);
  // Nodes that it starts again outlive this process; only they need Java.
  const lifetime = "detached";
  return new Cluster(folder, { lifetime, launch: () => findLaunch({ env, say, lifetime, jitLimit, nodes: nodes.length }) });
}

/** A real Kafka on the loopback, in processes of its own. Nodes are numbered from 1. */
export class Cluster {
  /** What clients are given: `127.0.0.1:PORT` of every node, with commas between. */
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly kafkaVersion: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly dataFolder: string;
  readonly #starts: Starts;
  readonly #atExit = (): void => this.#killAll();

  constructor(dataFolder: string, starts: Starts) {
    this.dataFolder = dataFolder;
    this.#starts = starts;
    const file = clusterFile(dataFolder);
    this.clusterId = file.clusterId;
    this.kafkaVersion = file.kafkaVersion;
    this.startedAt = file.startedAt;
    this.bootstrap = this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
  }

  /** The nodes as they were last started; `files.log` is the broker's log, `files.data` what it keeps. */
  get nodes(): readonly Node[] {
    return clusterFile(this.dataFolder).nodes.map((node) => ({ ...node, files: nodeFiles(this.dataFolder, node.id) }));
  }

  /** Starts all nodes of a folder that was prepared. When one cannot be, none runs. */
  async start(): Promise<void> {
    if (this.#starts.lifetime === "process") process.once("exit", this.#atExit);
    try {
      await Promise.all(this.nodes.map((node) => this.#start(node)));
      await awaitReady(this.nodes);
      await this.awaitInSync(syncDeadlineMs);
    } catch (error) {
      await Promise.all(this.nodes.map(({ pid, files }) => killNode(pid, files)));
      process.off("exit", this.#atExit);
      throw error;
    }
  }

  async status(): Promise<readonly NodeStatus[]> {
    return Promise.all(
      this.nodes.map(async (node) => {
        const running = isNode(node.pid, node.files);
        const answer = running ? await answerOf(node) : undefined;
        const { id, port, controllerPort } = node;
        return { id, port, controllerPort, pid: running ? node.pid : null, ready: isReady(node, answer), answer };
      }),
    );
  }

  /** SIGKILL, as a crash; resolves when the process is gone. @throws {ClusterError} `KAFKA_NOT_RUNNING` */
  async kill(id: number): Promise<void> {
    const { pid, files } = this.#running(id);
    await killNode(pid, files);
  }

  /** Starts it on its data, after a controlled stop if it runs; resolves when clients can use it. @throws {ClusterError} `KAFKA_START_FAILED` */
  async restart(id: number): Promise<void> {
    const { pid, files, ...ports } = this.#node(id);
    await stopNode(pid, files, stopDeadlineMs);
    await refuseTaken([ports]);
    await this.#start(this.#node(id));
    await awaitReady([this.#node(id)]);
  }

  /** SIGSTOP: it keeps its connections and answers nothing. @throws {ClusterError} `KAFKA_NOT_RUNNING` */
  pause(id: number): void {
    process.kill(this.#running(id).pid, "SIGSTOP");
  }

  /** SIGCONT. @throws {ClusterError} `KAFKA_NOT_RUNNING` */
  resume(id: number): void {
    process.kill(this.#running(id).pid, "SIGCONT");
  }

  /** Resolves when every node is ready and every partition has all its replicas in sync. @throws {ClusterError} `KAFKA_TIMEOUT` */
  async awaitInSync(deadlineMs: number): Promise<void> {
    const inSync = ({ ready, answer }: NodeStatus): boolean => ready && answer!.partitions.inSync === answer!.partitions.all;
    await until("all replicas in sync", async () => (await this.status()).every(inSync), deadlineMs);
  }

  /**
   * Controlled shutdown of all nodes; who is not done in time is killed. The data stays. Answers how each node ended. Nodes that are broker and controller
   * in one leave the quorum as they end: the last of several may find no majority that grants its shutdown, and is killed then.
   */
  async stop(deadlineMs: number = stopDeadlineMs): Promise<readonly NodeEnd[]> {
    const ends = this.nodes.map(async ({ id, pid, files }) => ({ id, end: await stopNode(pid, files, deadlineMs) }));
    const all = await Promise.all(ends);
    process.off("exit", this.#atExit);
    return all;
  }

  async #start(node: Node): Promise<void> {
    notePid(this.dataFolder, node.id, await launchNode(await this.#starts.launch(), node.files));
  }

  #node(id: number): Node {
    const node = this.nodes.find((each) => each.id === id);
    if (node === undefined) throw new ClusterError("KAFKA_USAGE", `there is no node ${id}: the cluster has ${this.nodes.length}`);
    return node;
  }

  #running(id: number): Node & { readonly pid: number } {
    const { pid, ...node } = this.#node(id);
    if (!isNode(pid, node.files)) throw new ClusterError("KAFKA_NOT_RUNNING", `node ${id} does not run`);
    return { ...node, pid };
  }

  /** At the end of the process there is no time left for waiting. */
  #killAll(): void {
    for (const { pid, files } of this.nodes) if (isNode(pid, files)) process.kill(pid, "SIGKILL");
  }
}

function clusterFile(dataFolder: string): ClusterFile {
  const file = readClusterFile(dataFolder);
  if (file === undefined) throw new ClusterError("KAFKA_NOT_RUNNING", `no cluster was started on ${dataFolder}: start one, or say --data`);
  return file;
}

/** Kafka takes a list of data folders, with commas between. */
function checkedFolder(folder: string): string {
  if (/[,\r\n]/.test(folder)) throw new ClusterError("KAFKA_USAGE", `a data folder has no comma and no line break in its path: ${folder}`);
  return resolve(folder);
}
