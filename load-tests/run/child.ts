import { spawn } from "node:child_process";

/** A process of ours, in a group of its own: a terminal's Ctrl-C reaches it only through us. */
export type Child = {
  readonly pid: number;
  /** Settles when it has ended: its exit code, or the name of the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly running: () => boolean;
  /** What it said last, both streams. */
  readonly said: () => string;
  signal(signal: NodeJS.Signals): void;
};

const keptCharacters = 20_000;

/** It does not outlive this process. @throws when there is no such program */
export async function startChild(
  command: string,
  { args, env }: { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv },
): Promise<Child> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-keptCharacters)));
  }
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  let running = true;
  const ended = new Promise<number | NodeJS.Signals>((settle) => {
    child.once("close", (code, signal) => {
      running = false;
      process.off("exit", kill);
      settle(code ?? signal ?? 1);
    });
  });
  await new Promise<void>((settle, fail) => {
    child.once("spawn", settle);
    child.once("error", fail);
  });
  return { pid: child.pid!, ended, running: () => running, said: () => said, signal: (signal) => void child.kill(signal) };
}
