import { runReplay } from "../replay/replay.ts";
import { shippedMonth } from "../replay/command.ts";
import type { RunningDev } from "./dev.ts";

type DemoHost = { readonly signal: AbortSignal; readonly stderr: { write(text: string): unknown }; readonly key: string | null };

/** Feeds the shipped month, an hour a second and stamped as it is sent, over HTTP like anybody else, until the signal. */
export async function runDemo(dev: RunningDev, { signal, stderr, key }: DemoHost): Promise<void> {
  const options = {
    files: [shippedMonth],
    to: dev.url,
    speed: 3600,
    stamp: "now",
    // Stock is received once: a demo that goes on finds what is left of it.
    openingStock: dev.fresh ? 50 : 0,
    repeat: Number.POSITIVE_INFINITY,
    rejects: null,
    wait: false,
    batch: 1000,
    key,
  } as const;
  try {
    await runReplay(options, { signal, say: (line) => stderr.write(`demo: ${line}\n`) });
  } catch (error) {
    stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
