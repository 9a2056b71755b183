import { readdirSync, readFileSync } from "node:fs";

const closedOnExec = 0o2000000;

/**
 * The open files that a child of this process would get though nobody gives them to it: those that whoever started us left open, a lock for instance,
 * which a broker would then hold for its whole life. Node itself marks only the first sixteen. Linux; elsewhere the system leaves none open.
 */
export function inheritedDescriptors(): readonly number[] {
  return listed("/proc/self/fd")
    .map(Number)
    .filter((descriptor) => descriptor > 2 && isInherited(descriptor));
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isInherited(descriptor: number): boolean {
  try {
    const [, flags] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
    return flags !== undefined && (Number.parseInt(flags, 8) & closedOnExec) === 0;
  } catch {
    // The one that listed the folder is closed by now.
    return false;
  }
}
