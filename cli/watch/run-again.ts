import { spawn } from "node:child_process";
import { isColoured } from "../colours.ts";
import type { CommandHost } from "../command.ts";

export type Outcome = { readonly code: number; readonly text: string };

/** Runs this program with other arguments in a process of its own; what it says comes back in the order it was said. Nothing once the signal aborts. */
export async function runAgain(
  args: readonly string[],
  { host, signal }: { readonly host: CommandHost; readonly signal: AbortSignal },
): Promise<Outcome | undefined> {
  const { columns } = host.stdout;
  // Node warns of both at once.
  const { FORCE_COLOR: _force, NO_COLOR: _no, ...others } = host.env;
  const env = {
    ...others,
    ...(isColoured(host) ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
    ...(columns === undefined ? {} : { COLUMNS: String(columns) }),
  };
  const child = spawn(process.execPath, [process.argv[1]!, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const stop = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => parts.push(part));
  try {
    const code = await new Promise<number | null>((settle, fail) => {
      child.once("error", fail);
      child.once("close", settle);
    });
    return signal.aborted ? undefined : { code: code ?? 1, text: Buffer.concat(parts).toString() };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
