import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it that are missing. One by one: `mkdirSync` with `recursive` never returns where the system refuses to make a folder
 * in one that is there by saying that it is not, as /proc does (Node 24).
 * @throws as `mkdirSync` does; `EEXIST` or `ENOTDIR` when there is a file in the way
 */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const whole = resolve(path);
  const parent = dirname(whole);
  if (parent !== whole) makeFolder(parent);
  try {
    mkdirSync(whole);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (statSync(whole, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

/** Why there can be none, in words. */
export function whyNoFolder(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "EEXIST" || code === "ENOTDIR" ? "there is a file of that name" : (code ?? message);
}
