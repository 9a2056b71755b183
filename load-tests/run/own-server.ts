import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LoadError } from "../load-error.ts";
import { type Child, startChild } from "./child.ts";

/** A `millrace dev` of our own, on a free port of the loopback. */
export type OwnServer = {
  readonly url: string;
  readonly pid: number;
  /** Settles when it has ended, asked to or not: with its exit code, or the name of the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it said last. */
  readonly said: () => string;
  /** As Ctrl-C does: what was let in is committed. */
  stop(): Promise<void>;
};

const millrace = fileURLToPath(new URL("../../cli/millrace.js", import.meta.url));
const readyMs = 60_000;
const stopMs = 30_000;

/** Settles when `/readyz` says so. @throws {LoadError} `LOAD_SERVER_FAILED` */
export async function startOwnServer(data: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<OwnServer> {
  const child = await startChild(process.execPath, { args: [millrace, "dev", "--no-demo", "--port", "0", "--data", data], env });
  try {
    const url = await readyUrl(child, signal);
    return { url, pid: child.pid, ended: child.ended, said: child.said, stop: () => stop(child) };
  } catch (error) {
    child.signal("SIGKILL");
    await child.ended;
    throw error;
  }
}

async function readyUrl(child: Child, signal: AbortSignal): Promise<string> {
  const deadline = performance.now() + readyMs;
  while (child.running() && performance.now() < deadline) {
    signal.throwIfAborted();
    const url = /live page\s+(http:\S+?)\/?\s/.exec(child.said())?.[1];
    const answer = url === undefined ? undefined : await fetch(`${url}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (url !== undefined && answer?.status === 200) return url;
    await delay(50);
  }
  throw new LoadError(
    "LOAD_SERVER_FAILED",
    `millrace dev ${child.running() ? "was not ready in time" : "ended by itself"}:\n${child.said()}`,
  );
}

async function stop(child: Child): Promise<void> {
  child.signal("SIGINT");
  const timer = setTimeout(() => child.signal("SIGKILL"), stopMs);
  const how = await child.ended;
  clearTimeout(timer);
  if (how !== 0) throw new LoadError("LOAD_SERVER_FAILED", `millrace dev ended with ${how}:\n${child.said()}`);
}
