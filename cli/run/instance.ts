import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { EngineFailure } from "../engine/engine-failure.ts";
import { makeFolder, whyNoFolder } from "../make-folder.ts";
import type { RunCode } from "./run-codes.ts";

/**
 * The name under which the workers of a state folder join their group: given, or made at the first start and kept in the folder.
 * @throws {EngineFailure} `RUN_STATE_FOLDER`
 */
export function instanceName(folder: string, given: string | undefined): string {
  try {
    return nameIn(folder, given);
  } catch (error) {
    throw new EngineFailure(
      "RUN_STATE_FOLDER" satisfies RunCode,
      `${folder} cannot be the state folder: ${whyNoFolder(error)}; give another --state`,
    );
  }
}

function nameIn(folder: string, given: string | undefined): string {
  makeFolder(folder);
  if (given !== undefined) return given;
  const file = join(folder, "instance");
  try {
    const kept = readFileSync(file, "utf8").trim();
    if (/^[A-Za-z0-9._-]{1,100}$/.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 60);
  const name = `${host}-${randomBytes(3).toString("hex")}`;
  writeFileSync(file, `${name}\n`);
  return name;
}

/** Whether only this machine reaches what listens there. */
export const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.");

/** Where other processes reach what listens on `host`: a wildcard is no address, so this machine's first one stands for it. */
export function reachableHost(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host.includes(":") ? `[${host}]` : host;
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? hostname();
}
