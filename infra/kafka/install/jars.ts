import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { ClusterError } from "../cluster-error.ts";
import { cacheFolder, type Environment } from "./cache-folder.ts";
import { pinnedJars, pomFile } from "./pinned-jars.ts";

const fetchDeadlineMs = 10 * 60_000;

/**
 * The folder that holds Kafka's jars: `$KAFKA_HOME/libs` if that is set, else one in the cache, which Maven fills at the first use.
 * @throws {ClusterError} `KAFKA_NO_JARS`, `KAFKA_FETCH_FAILED`
 */
export async function findJars(env: Environment, say: (line: string) => void): Promise<string> {
  if (env["KAFKA_HOME"]) return jarsOfDistribution(resolve(env["KAFKA_HOME"]));
  const { kafkaVersion, files } = pinnedJars();
  const folder = join(cacheFolder(env), `kafka-${kafkaVersion}`);
  const complete = (): boolean => files.every((file) => existsSync(join(folder, file)));
  if (complete()) return folder;
  say(`fetching Kafka ${kafkaVersion} with Maven into ${folder} (some 90 jars, 55 MB, once) …`);
  await mkdir(dirname(folder), { recursive: true });
  // Whoever looks meanwhile sees all of the jars or none: they are fetched beside the folder and renamed.
  const fetched = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
  try {
    await fetchWithMaven(fetched, env);
    await chmod(fetched, 0o755);
    await moveInto(folder, fetched, complete);
  } finally {
    await rm(fetched, { recursive: true, force: true });
  }
  return folder;
}

function jarsOfDistribution(home: string): string {
  const folder = join(home, "libs");
  if (existsSync(folder)) return folder;
  throw new ClusterError(
    "KAFKA_NO_JARS",
    `KAFKA_HOME is ${home}, which has no folder libs: unpack a Kafka distribution there, or unset KAFKA_HOME`,
  );
}

async function fetchWithMaven(folder: string, env: Environment): Promise<void> {
  const args = ["-q", "-B", "-f", pomFile, "dependency:copy-dependencies", `-DoutputDirectory=${folder}`];
  try {
    await promisify(execFile)("mvn", args, { env: { ...env }, timeout: fetchDeadlineMs, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { code, killed, stdout } = error as { code?: unknown; killed?: boolean; stdout?: string };
    if (code === "ENOENT") {
      throw new ClusterError(
        "KAFKA_NO_JARS",
        "Kafka's jars are not cached and there is no Maven to fetch them: install it (apt-get install maven), or set KAFKA_HOME to an unpacked Kafka",
      );
    }
    const reason = killed ? `not done after ${fetchDeadlineMs / 60_000} minutes` : firstErrors(stdout ?? "", code);
    throw new ClusterError("KAFKA_FETCH_FAILED", `Maven could not fetch Kafka's jars: ${reason}`, error);
  }
}

function firstErrors(output: string, code: unknown): string {
  const lines = output.split("\n").filter((line) => line.includes("ERROR"));
  return lines.length === 0 ? `it ended with ${String(code)}` : lines.slice(0, 3).join("\n");
}

/** Two processes may fetch at once: the first one's jars stay. A folder that lacks jars (the POM was changed since) makes room. */
async function moveInto(folder: string, fetched: string, complete: () => boolean): Promise<void> {
  const moved = await rename(fetched, folder).then(() => true, isThere);
  if (moved || complete()) return;
  const former = `${fetched}-former`;
  await rename(folder, former);
  await rename(fetched, folder);
  await rm(former, { recursive: true, force: true });
}

function isThere(error: NodeJS.ErrnoException): false {
  if (error.code === "ENOTEMPTY" || error.code === "EEXIST") return false;
  throw error;
}
