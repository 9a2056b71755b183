import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder, type Environment } from "./cache-folder.ts";

/**
 * Where the archive of Kafka's classes lies, as this Java has parsed and linked them from these jars (JEP 350): a broker that maps it starts with half
 * the work. In the cache, under a name of its own for every Java and every folder of jars.
 */
export async function classArchive(env: Environment, { java, jars }: { readonly java: string; readonly jars: string }): Promise<string> {
  const { stderr } = await promisify(execFile)(java, ["-version"], { env: { ...env }, timeout: 30_000 });
  const name = createHash("sha256").update(`${stderr}\n${jars}`).digest("hex").slice(0, 16);
  return join(cacheFolder(env), `kafka-classes-${name}.jsa`);
}

/** Who looks meanwhile sees all of it or nothing. */
export async function keepArchive(written: string, archive: string): Promise<void> {
  await mkdir(dirname(archive), { recursive: true });
  const beside = `${archive}-${process.pid}`;
  try {
    await copyFile(written, beside);
    await rename(beside, archive);
  } finally {
    await rm(beside, { force: true });
  }
}
