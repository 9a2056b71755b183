import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterError } from "../cluster-error.ts";
import type { NodePorts } from "./ports.ts";

/** What `cluster.json` of a data folder says. It is written once the folder is formatted, and again whenever a node comes or goes. */
export type ClusterFile = {
  readonly clusterId: string;
  readonly kafkaVersion: string;
  /** When the cluster was last started, ISO 8601. */
  readonly startedAt: string;
  readonly jitLimit: boolean;
  readonly nodes: readonly NodeEntry[];
};
/** A node; `pid` is that of the process it was last started as, null before the first. */
export type NodeEntry = NodePorts & { readonly id: number; readonly pid: number | null };

const fileOf = (dataFolder: string): string => join(dataFolder, "cluster.json");

/** Undefined when no cluster was ever started there. */
export function readClusterFile(dataFolder: string): ClusterFile | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(dataFolder), "utf8")) as ClusterFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ClusterError(
      "KAFKA_DATA_MISMATCH",
      `${fileOf(dataFolder)} cannot be read: start with --fresh, or take another folder`,
      error,
    );
  }
}

export function writeClusterFile(dataFolder: string, cluster: ClusterFile): void {
  const made = `${fileOf(dataFolder)}.${process.pid}`;
  writeFileSync(made, `${JSON.stringify(cluster, null, 2)}\n`);
  renameSync(made, fileOf(dataFolder));
}

/** Notes the process of one node. */
export function notePid(dataFolder: string, id: number, pid: number): void {
  const cluster = readClusterFile(dataFolder);
  if (cluster === undefined) return;
  writeClusterFile(dataFolder, { ...cluster, nodes: cluster.nodes.map((node) => (node.id === id ? { ...node, pid } : node)) });
}
