import { execFile } from "node:child_process";
import { chmod, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, sep } from "node:path";
import { promisify } from "node:util";
import type { Environment } from "../install/cache-folder.ts";
import { ClusterError } from "../cluster-error.ts";

export type ServiceUser = { readonly uid: number; readonly gid: number };

/** Whom the brokers run as: root gives way to `$MILLRACE_SERVICE_USER`, if that is set. @throws {ClusterError} `KAFKA_USAGE` */
export async function serviceUser(env: Environment): Promise<ServiceUser | undefined> {
  const name = env["MILLRACE_SERVICE_USER"];
  if (!name || process.getuid?.() !== 0) return undefined;
  const id = async (which: "-u" | "-g"): Promise<number> => Number((await promisify(execFile)("id", [which, "--", name])).stdout);
  try {
    return { uid: await id("-u"), gid: await id("-g") };
  } catch (error) {
    throw new ClusterError("KAFKA_USAGE", `MILLRACE_SERVICE_USER is ${name}, and there is no such user`, error);
  }
}

/** Gives all of a folder to the user. */
export async function give(folder: string, { uid, gid }: ServiceUser): Promise<void> {
  await promisify(execFile)("chown", ["-R", `${uid}:${gid}`, folder]);
  await letThrough(folder);
}

/** A folder that lies in a temporary one of ours must be reached through it, which its maker may have kept to himself. */
async function letThrough(folder: string): Promise<void> {
  const temporary = await realpath(tmpdir());
  for (let above = dirname(await realpath(folder)); above.startsWith(temporary + sep); above = dirname(above)) {
    const { mode } = await stat(above);
    await chmod(above, mode | 0o011);
  }
}
