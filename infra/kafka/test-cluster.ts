import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { TestProject } from "vitest/node";
import { ClusterError } from "./cluster-error.ts";
import { type Cluster, startCluster } from "./cluster.ts";

/** Vitest gives a teardown 10 s. */
const stopDeadlineMs = 6000;

/**
 * Vitest's global setup: one Kafka node for the whole run, whose address tests read in `MILLRACE_KAFKA` (bootstrap servers). It is started only when
 * a file of the run needs it: one in a folder `kafka/`, or `*.kafka.test.ts`. A variable that is set already is left alone. Where Kafka cannot run,
 * the variable stays unset and those tests skip themselves, with a line that says why; in CI the run fails instead.
 *
 * @throws {ClusterError} in CI, or when Kafka is there and does not start
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env["MILLRACE_KAFKA"]) return undefined;
  const { root, watch } = project.config;
  const files = project.vitest.state
    .getPaths()
    .map((file) => relative(root, file).replaceAll("\\", "/"))
    .filter(needsKafka);
  // Whoever watches may come to a Kafka test later.
  if (files.length === 0 && !watch) return undefined;
  const dataFolder = mkdtempSync(join(tmpdir(), "millrace-test-kafka-"));
  const drop = (): void => rmSync(dataFolder, { recursive: true, force: true });
  try {
    const cluster = await startCluster({ dataFolder, say });
    process.env["MILLRACE_KAFKA"] = cluster.bootstrap;
    return () => stop(cluster).finally(drop);
  } catch (error) {
    drop();
    if (process.env["CI"] || !isMissing(error)) throw error;
    say(`${error.code} ${error.message}\nskipped are the tests that need Kafka: ${files.join(", ")}`);
    return undefined;
  }
}

/** Tests of `infra/` itself start their own. */
export function needsKafka(file: string): boolean {
  return !file.startsWith("infra/") && (/(^|\/)kafka\//.test(file) || file.endsWith(".kafka.test.ts"));
}

async function stop(cluster: Cluster): Promise<void> {
  delete process.env["MILLRACE_KAFKA"];
  await cluster.stop(stopDeadlineMs);
}

function isMissing(error: unknown): error is ClusterError {
  return error instanceof ClusterError && ["KAFKA_NO_JAVA", "KAFKA_NO_JARS", "KAFKA_FETCH_FAILED"].includes(error.code);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
