import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { cacheFolder, type Environment } from "#infra/kafka/install/cache-folder.ts";
import { LoadError } from "../load-error.ts";

export type FoundK6 = { readonly path: string; readonly version: string };

/** Built when no k6 is on the PATH. */
export const pinnedVersion = "v1.8.1";
/** The first that runs TypeScript as it is. */
const least = [0, 57] as const;
const buildDeadlineMs = 40 * 60_000;
const sayEveryMs = 10_000;

/** k6: that of the PATH, else the one in the cache, which Go builds at the first use. @throws {LoadError} `LOAD_NO_K6`, `LOAD_K6_NOT_BUILT` */
export async function findK6(env: Environment, say: (line: string) => void): Promise<FoundK6> {
  const version = await versionOf("k6", env);
  if (version !== undefined && isRecent(version)) return { path: "k6", version };
  if (version !== undefined) say(`k6 ${version} on the PATH is too old to run TypeScript (v${least.join(".")} is the first)`);
  const cached = cachedK6(env);
  if (!existsSync(cached)) await build(cached, { env, say });
  return { path: cached, version: (await versionOf(cached, env)) ?? pinnedVersion };
}

/** k6 if it is there already, without building it. */
export async function k6AtHand(env: Environment): Promise<FoundK6 | undefined> {
  const version = await versionOf("k6", env);
  if (version !== undefined && isRecent(version)) return { path: "k6", version };
  return existsSync(cachedK6(env)) ? findK6(env, () => undefined) : undefined;
}

const cachedK6 = (env: Environment): string => join(cacheFolder(env), `k6-${pinnedVersion}`, "k6");

async function build(path: string, { env, say }: { readonly env: Environment; readonly say: (line: string) => void }): Promise<void> {
  const folder = cacheFolder(env);
  say(`building k6 ${pinnedVersion} with Go into ${folder} (once, some minutes) …`);
  await mkdir(folder, { recursive: true });
  // Whoever looks meanwhile sees the whole program or none.
  const built = await mkdtemp(join(folder, ".k6-"));
  try {
    await install(built, { env, say });
    say(`k6 ${pinnedVersion} is built`);
    await rename(built, join(path, "..")).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster.
      if (!existsSync(path)) throw error;
    });
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

async function install(folder: string, { env, say }: { readonly env: Environment; readonly say: (line: string) => void }): Promise<void> {
  // With -v Go names each package that it has compiled, and without being asked each module that it fetches.
  const go = spawn("go", ["install", "-v", `go.k6.io/k6@${pinnedVersion}`], {
    env: { ...env, GOBIN: folder, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: buildDeadlineMs,
  });
  const ended = new Promise<number | NodeJS.Signals | "ENOENT">((settle, fail) => {
    go.once("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? settle("ENOENT") : fail(error)));
    go.once("close", (code, signal) => settle(code ?? signal!));
  });
  const began = performance.now();
  const course = { fetched: 0, compiled: 0 };
  const last: string[] = [];
  createInterface({ input: go.stderr }).on("line", (line) => {
    if (line.startsWith("go: downloading ")) {
      if (course.fetched++ === 0) say("  fetching its modules …");
    } else if (/^[\w.~/-]+$/.test(line)) {
      if (course.compiled++ === 0) say(`  ${course.fetched} modules fetched; compiling …`);
    } else last.splice(0, last.length, ...last.slice(-2), line);
  });
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    say(`  ${seconds} s: ${course.fetched} modules fetched, ${course.compiled} packages compiled`);
  }, sayEveryMs);
  const how = await ended.finally(() => clearInterval(timer));
  if (how === 0) return;
  if (how === "ENOENT") {
    throw new LoadError(
      "LOAD_NO_K6",
      `there is neither k6 nor Go to build it with: put k6 (v${least.join(".")} or later) on the PATH, or install Go 1.25 or later`,
    );
  }
  const late = performance.now() - began >= buildDeadlineMs;
  const reason = late ? `not done after ${buildDeadlineMs / 60_000} minutes` : last.join("\n") || `it ended with ${how}`;
  throw new LoadError("LOAD_K6_NOT_BUILT", `Go could not build k6 ${pinnedVersion}: ${reason}`);
}

async function versionOf(path: string, env: Environment): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ["version"], { env: { ...env }, timeout: 30_000 });
    return /\bv\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
  return major > least[0] || (major === least[0] && minor >= least[1]);
}
