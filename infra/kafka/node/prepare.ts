import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ClusterError } from "../cluster-error.ts";
import { pinnedJars } from "../install/pinned-jars.ts";
import { type ClusterFile, readClusterFile, writeClusterFile } from "./cluster-file.ts";
import { formatNode, type Launch } from "./launch.ts";
import { dropNodeFiles, nodeFiles, type NodeFiles, writeNodeFiles } from "./node-files.ts";
import { isNode } from "./node-process.ts";
import { freePorts, portsFrom, refuseTaken, type NodePorts } from "./ports.ts";
import { give } from "./service-user.ts";

/** What is asked of a data folder; what is not said is as it was, or else one node on free ports. */
export type Wanted = {
  readonly nodes: number | undefined;
  readonly port: number | undefined;
  readonly fresh: boolean;
  readonly settings: Readonly<Record<string, string>>;
};
/** Ports of every node, and what the folder holds already. */
export type Plan = { readonly nodes: readonly NodePorts[]; readonly former: ClusterFile | undefined };

/**
 * Decides where the nodes will listen, and whether the folder's data can be kept.
 * @throws {ClusterError} `KAFKA_RUNNING`, `KAFKA_DATA_MISMATCH`, `KAFKA_PORT_TAKEN`, `KAFKA_USAGE`
 */
export async function planCluster(dataFolder: string, wanted: Wanted): Promise<Plan> {
  const found = wanted.fresh ? undefined : readClusterFile(dataFolder);
  refuseRunning(dataFolder, wanted.fresh);
  const nodes = found === undefined ? await newPorts(wanted) : keptPorts(found, wanted);
  await refuseTaken(nodes);
  return { nodes, former: found };
}

/** Writes the nodes' settings; formats the folder unless it holds the cluster's data. Answers what the folder holds then. */
export async function prepareFolder(dataFolder: string, plan: Plan, how: { launch: Launch; wanted: Wanted }): Promise<ClusterFile> {
  const { launch, wanted } = how;
  const files = plan.nodes.map((_, i) => nodeFiles(dataFolder, i + 1));
  if (plan.former === undefined) dropFormer(dataFolder);
  for (const [i, each] of files.entries()) writeNodeFiles(each, { nodes: plan.nodes, more: wanted.settings }, i + 1);
  if (launch.user !== undefined) await give(dataFolder, launch.user);
  const clusterId = plan.former?.clusterId ?? (await format(files, plan.nodes, launch));
  const cluster: ClusterFile = {
    clusterId,
    kafkaVersion: pinnedJars().kafkaVersion,
    startedAt: new Date().toISOString(),
    jitLimit: launch.jitLimit,
    nodes: plan.nodes.map((ports, i) => ({ id: i + 1, ...ports, pid: null })),
  };
  writeClusterFile(dataFolder, cluster);
  return cluster;
}

function newPorts({ nodes = 1, port }: Wanted): Promise<readonly NodePorts[]> | readonly NodePorts[] {
  return port === undefined ? freePorts(nodes) : portsFrom(port, nodes);
}

/** The controllers' ports are part of the data: a quorum finds its members by them. */
function keptPorts(found: ClusterFile, wanted: Wanted): readonly NodePorts[] {
  const { length } = found.nodes;
  const { port } = found.nodes[0]!;
  if ((wanted.nodes ?? length) !== length || (wanted.port ?? port) !== port) {
    const there = `${length} ${length === 1 ? "node" : "nodes"} from port ${port} on`;
    throw new ClusterError(
      "KAFKA_DATA_MISMATCH",
      `the data folder holds a cluster of ${there}: start it so, with --fresh, or elsewhere by --data`,
    );
  }
  return found.nodes.map((node) => ({ port: node.port, controllerPort: node.controllerPort }));
}

function refuseRunning(dataFolder: string, fresh: boolean): void {
  const nodes = readNodes(dataFolder, fresh);
  const running = nodes.filter(({ id, pid }) => isNode(pid, nodeFiles(dataFolder, id)));
  if (running.length === 0) return;
  const ids = running.map(({ id }) => id).join(", ");
  const ports = nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
  throw new ClusterError(
    "KAFKA_RUNNING",
    `a cluster runs on ${dataFolder} (node ${ids} of ${ports}): stop it first, or take another --data`,
  );
}

function readNodes(dataFolder: string, fresh: boolean): ClusterFile["nodes"] {
  try {
    return readClusterFile(dataFolder)?.nodes ?? [];
  } catch (error) {
    // Who says --fresh wants to be rid of a file that cannot be read.
    if (fresh) return [];
    throw error;
  }
}

/** Takes away what is ours, and nothing else that may lie there. */
function dropFormer(dataFolder: string): void {
  rmSync(join(dataFolder, "cluster.json"), { force: true });
  for (const id of [1, 2, 3]) dropNodeFiles(nodeFiles(dataFolder, id));
}

async function format(files: readonly NodeFiles[], nodes: readonly NodePorts[], launch: Launch): Promise<string> {
  const clusterId = uuid();
  const voters = nodes.map(({ controllerPort }, i) => `${i + 1}@127.0.0.1:${controllerPort}:${uuid()}`).join(",");
  const quorum = nodes.length === 1 ? ["--standalone"] : ["--initial-controllers", voters];
  await Promise.all(files.map((each) => formatNode(launch, each, ["--cluster-id", clusterId, ...quorum])));
  return clusterId;
}

/** As Kafka writes them; never with a dash in front, which its programs would take for an option. */
function uuid(): string {
  const text = randomBytes(16).toString("base64url");
  return text.startsWith("-") ? uuid() : text;
}
