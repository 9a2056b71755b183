import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClusterSettings, loggingSettings, nodeSettings, propertiesText } from "./properties.ts";

/** The files of one node, below `node-N` of the cluster's data folder. */
export type NodeFiles = {
  readonly folder: string;
  readonly data: string;
  readonly properties: string;
  readonly logging: string;
  /** What log4j writes. */
  readonly log: string;
  /** What the process itself says. */
  readonly output: string;
};

export function nodeFiles(dataFolder: string, id: number): NodeFiles {
  const folder = join(dataFolder, `node-${id}`);
  return {
    folder,
    data: join(folder, "data"),
    properties: join(folder, "server.properties"),
    logging: join(folder, "log4j2.properties"),
    log: join(folder, "broker.log"),
    output: join(folder, "output.log"),
  };
}

/** Writes what the node is told; its data stays as it is. */
export function writeNodeFiles(files: NodeFiles, cluster: ClusterSettings, id: number): void {
  mkdirSync(files.folder, { recursive: true });
  writeFileSync(files.properties, propertiesText(nodeSettings(cluster, id, files.data)));
  writeFileSync(files.logging, propertiesText(loggingSettings(files.log)));
  writeFileSync(files.output, "");
}

export function dropNodeFiles(files: NodeFiles): void {
  rmSync(files.folder, { recursive: true, force: true });
}

/** The last lines that the node said, for who has to find out why it ended. */
export function lastWords(files: NodeFiles): string {
  const lines = [files.log, files.output].flatMap((file) => read(file).trim().split("\n"));
  const errors = lines.filter((line) => /ERROR|FATAL|Exception|Error:/.test(line));
  return (errors.length > 0 ? errors : lines).slice(-5).join("\n");
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
