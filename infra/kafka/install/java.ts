import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ClusterError } from "../cluster-error.ts";
import type { Environment } from "./cache-folder.ts";

const leastVersion = 17;

/**
 * The program that runs Kafka: `$JAVA_HOME/bin/java`, else `java`, the first of them that is Java 17 or later.
 * @throws {ClusterError} `KAFKA_NO_JAVA`
 */
export async function findJava(env: Environment): Promise<string> {
  const candidates = [...(env["JAVA_HOME"] ? [join(env["JAVA_HOME"], "bin", "java")] : []), "java"];
  const seen: string[] = [];
  for (const java of candidates) {
    const version = await versionOf(java, env);
    if (version !== undefined && version >= leastVersion) return java;
    seen.push(`${java}: ${version === undefined ? "cannot be run" : `Java ${version}`}`);
  }
  throw new ClusterError(
    "KAFKA_NO_JAVA",
    `Kafka needs Java ${leastVersion} or later (${seen.join("; ")}): install it, for example apt-get install openjdk-17-jre-headless`,
  );
}

async function versionOf(java: string, env: Environment): Promise<number | undefined> {
  try {
    const { stderr } = await promisify(execFile)(java, ["-version"], { env: { ...env }, timeout: 30_000 });
    return majorVersion(stderr);
  } catch {
    return undefined;
  }
}

/** Of what `java -version` prints; before Java 9 the major version stood behind "1.". */
export function majorVersion(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return first === undefined ? undefined : Number(first === "1" ? second : first);
}
