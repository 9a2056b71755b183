import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

export type PinnedOptions = {
  /** One core, as `taskset -c` takes it. */
  readonly core: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of Node's own. */
  readonly flags?: readonly string[];
};

const canPin = spawnSync("taskset", ["--version"]).status === 0;

/** Starts a script of this folder in a process of its own, on one core; without `taskset` on any. Nodes' own options come from `BENCH_FLAGS`. */
export function startPinned(script: string, { core, args = [], env = {}, flags: own = [] }: PinnedOptions): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const flags = [...own, ...(process.env["BENCH_FLAGS"] ?? "").split(" ").filter(Boolean)];
  const node = [process.execPath, "--max-old-space-size=6144", ...flags, path, ...args];
  const [command, ...rest] = canPin ? ["taskset", "-c", core, ...node] : node;
  return endedWithUs(spawn(command!, rest, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "inherit"] }));
}

/** Kills the child when this process ends before it. */
export function endedWithUs(child: ChildProcess): ChildProcess {
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/** Runs it to its end, and answers the JSON of the last line it printed. @throws {Error} when it failed or printed none */
export async function runPinned<T>(script: string, options: PinnedOptions): Promise<T> {
  const child = startPinned(script, options);
  const ended = Promise.withResolvers<string>();
  child.on("exit", (code, signal) => ended.resolve(signal ?? `code ${code}`));
  let text = "";
  for await (const chunk of child.stdout!) text += String(chunk);
  const how = await ended.promise;
  const last = text.trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last) as T;
  } catch (cause) {
    throw new Error(`${script} ${options.args?.join(" ") ?? ""} ended (${how}) without a report: ${last.slice(0, 200)}`, { cause });
  }
}
