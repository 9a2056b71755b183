import { type BigIntStats, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Files by path, each with what changes when it does; a path that is not there has the empty text. */
export type Look = ReadonlyMap<string, string>;

/** What is to be seen of files and folders now. A folder stands for all files in it, at any depth. */
export function lookAt(paths: readonly string[]): Look {
  const seen = new Map<string, string>();
  const look = (path: string): void => {
    const found = statOf(path);
    if (found?.isDirectory() === true) for (const name of namesIn(path)) look(join(path, name));
    else seen.set(path, found === undefined ? "" : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`);
  };
  for (const path of paths) look(path);
  return seen;
}

/** Paths that differ between two looks, in the order of their names. */
export function changedBetween(before: Look, after: Look): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path)).toSorted();
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // A folder on the way is a file now, or may not be read: as good as not there.
    return undefined;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
