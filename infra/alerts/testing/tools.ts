import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/** Names under which Debian and the makers install them. */
const names = {
  promtool: ["promtool"],
  prometheus: ["prometheus"],
  alertmanager: ["prometheus-alertmanager", "alertmanager"],
  amtool: ["amtool"],
} as const;
export type Tool = keyof typeof names;

const runs = (name: string): boolean => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;

/** The command of a tool on this machine, if it has one. */
export const findTool = (tool: Tool): string | undefined => names[tool].find(runs);

export const toolsNeeded = (tools: readonly Tool[]): string | undefined => {
  const missing = tools.filter((tool) => findTool(tool) === undefined);
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")} (Debian: prometheus, prometheus-alertmanager)`;
};

/** Starts a tool; what it says is shown when it ends before it was told to. */
export function startTool(tool: Tool, args: readonly string[]): ChildProcess {
  const child = spawn(findTool(tool)!, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4000)));
  child.once("exit", (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`${tool} ended with ${code}: ${said}\n`);
  });
  return child;
}
