import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster } from "./cluster.ts";
import type { Environment } from "./install/cache-folder.ts";
import { classArchive, keepArchive } from "./install/class-archive.ts";
import { findJars } from "./install/jars.ts";
import { findJava } from "./install/java.ts";

/** Java writes some 50 MB when the node ends. */
const stopDeadlineMs = 60_000;

/**
 * Runs a node once and keeps its classes as Java has them then, unless that was done for this Java and these jars; answers where. Nodes start from it in
 * half the CPU; where it is not, they start as well.
 * @throws {ClusterError} as `startCluster`
 */
export async function archiveClasses(env: Environment, say: (line: string) => void): Promise<string> {
  const [java, jars] = await Promise.all([findJava(env), findJars(env, say)]);
  const archive = await classArchive(env, { java, jars });
  if (existsSync(archive)) return archive;
  const dataFolder = mkdtempSync(join(tmpdir(), "millrace-kafka-classes-"));
  try {
    // Below the data, where the user of the service may write.
    const archiveTo = join(dataFolder, "classes.jsa");
    const cluster = await startCluster({ dataFolder, env, say, archiveTo });
    await cluster.stop(stopDeadlineMs);
    await keepArchive(archiveTo, archive);
  } finally {
    rmSync(dataFolder, { recursive: true, force: true });
  }
  return archive;
}
