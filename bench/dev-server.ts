import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { startPinned } from "./pinned-process.ts";

/** A `millrace dev` in a process of its own. */
export type DevServer = {
  readonly url: string;
  /** Milliseconds from the start of the process until it said that it is ready. */
  readonly readyMs: number;
  /** User and system time of all its threads so far, seconds. */
  cpuSeconds(): number;
  /** The most that it ever had. */
  rssMb(): number;
  rssNowMb(): number;
  kill(): Promise<void>;
};

const ticksPerSecond = 100;

export async function startDevServer(options: {
  readonly data: string;
  readonly core: string;
  readonly topology?: string;
}): Promise<DevServer> {
  const { data, core, topology } = options;
  const before = performance.now();
  const args = ["dev", "--no-demo", "--port", "0", "--data", data, ...(topology === undefined ? [] : ["--topology", topology])];
  const child = startPinned("../cli/main.ts", { core, args });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await readyUrl(child);
  const readyMs = performance.now() - before;
  const status = (name: string): string => readFileSync(`/proc/${child.pid}/${name}`, "utf8");
  return {
    url,
    readyMs,
    cpuSeconds: () => {
      const fields = status("stat").split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    rssMb: () => mbOf("VmHWM", status("status")),
    rssNowMb: () => mbOf("VmRSS", status("status")),
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

const mbOf = (name: string, status: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);

async function readyUrl(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const line of createInterface({ input: child.stdout! })) {
    text += `${line}\n`;
    const found = /live page\s+(http:\/\/\S+?)\/?$/.exec(line);
    if (found?.[1] === undefined) continue;
    // Whatever it says from now on must not fill the pipe.
    child.stdout!.resume();
    return found[1];
  }
  throw new Error(`millrace dev ended before it was ready: ${text}`);
}
