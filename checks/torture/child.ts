import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A millrace process of its own, as a user starts it. */
export type Child = {
  /** Settles when it has ended, with its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** True until it has ended. */
  readonly running: () => boolean;
  /** What it said last, both streams. */
  readonly said: () => string;
  readonly stdout: () => string;
  /** Settles when it has ended. */
  kill(signal: "SIGKILL" | "SIGINT"): Promise<void>;
};

const launcher = fileURLToPath(new URL("../../cli/millrace.js", import.meta.url));
const keptCharacters = 20_000;

/** Starts `millrace ARGS`, with `env` beside what this process has. It does not outlive this process. */
export function startMillrace(args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const child: ChildProcess = spawn(process.execPath, [launcher, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let said = "";
  let stdout = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    said = (said + text).slice(-keptCharacters);
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-keptCharacters)));
  let running = true;
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  const ended = new Promise<number | null>((settle) => {
    child.once("close", (code) => {
      running = false;
      process.off("exit", end);
      settle(code);
    });
  });
  return {
    ended,
    running: () => running,
    said: () => said,
    stdout: () => stdout,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}
