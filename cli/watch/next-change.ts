import { setTimeout as after } from "node:timers/promises";
import { changedBetween, type Look, lookAt } from "./file-look.ts";

/** How often files are looked at. */
const everyMs = 120;
/** Looks that a file which is written for long is waited for. */
const patience = 20;

export type Change = { readonly look: Look; readonly changed: readonly string[] };

/**
 * Waits until something differs from `before`, and then until two looks agree, so that a file which is being written, or replaced by renaming, is seen once
 * it is whole. Nothing when the signal aborts. Looks at the files instead of asking for events: those of an editor that writes by rename are of another
 * file, those of network drives and of folders mounted into a container do not come.
 */
export async function nextChange(paths: () => readonly string[], before: Look, signal: AbortSignal): Promise<Change | undefined> {
  let last = before;
  let looks = 0;
  try {
    for (;;) {
      await after(everyMs, undefined, { signal });
      const look = lookAt(paths());
      const isSettled = changedBetween(last, look).length === 0;
      const changed = changedBetween(before, look);
      if (changed.length === 0) looks = 0;
      else if (isSettled || ++looks > patience) return { look, changed };
      last = look;
    }
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
