import { relative } from "node:path";
import type { CommandHost } from "../command.ts";
import { lookAt } from "./file-look.ts";
import { nextChange } from "./next-change.ts";
import { runAgain } from "./run-again.ts";
import { screenOf } from "./screen.ts";

export type Watching = {
  /** The command without `--watch`. */
  readonly args: readonly string[];
  /** Files and folders, asked for anew at each look. */
  readonly paths: () => readonly string[];
};

/**
 * Runs a command now and whenever its files change, each time in a process of its own, so that changed schemas and processors are read anew and nothing
 * that one run does lasts. A change while it runs begins it again. One screen a run; ends with 0 when the signal aborts. [ED3]
 */
export async function watch({ args, paths }: Watching, host: CommandHost): Promise<number> {
  const screen = screenOf(host);
  let look = lookAt(paths());
  let why = "";
  while (!host.signal.aborted) {
    const superseded = new AbortController();
    screen.begin(why);
    const running = runAgain(args, { host, signal: AbortSignal.any([host.signal, superseded.signal]) }).then((outcome) => {
      if (outcome !== undefined) screen.show(why, outcome);
    });
    const change = await nextChange(paths, look, host.signal);
    superseded.abort();
    await running;
    if (change === undefined) break;
    look = change.look;
    why = named(change.changed);
  }
  screen.end();
  return 0;
}

function named(changed: readonly string[]): string {
  const [first, ...more] = changed.map((path) => relative(process.cwd(), path) || path);
  return `${first} changed${more.length === 0 ? "" : `, and ${more.length} more`}`;
}
