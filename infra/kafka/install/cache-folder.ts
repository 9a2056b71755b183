import { homedir } from "node:os";
import { join, resolve } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Millrace keeps what it can fetch again, outside of the checkout: `$MILLRACE_CACHE`, `$XDG_CACHE_HOME/millrace`, or `~/.cache/millrace`. */
export function cacheFolder(env: Environment): string {
  if (env["MILLRACE_CACHE"]) return resolve(env["MILLRACE_CACHE"]);
  return join(env["XDG_CACHE_HOME"] ? resolve(env["XDG_CACHE_HOME"]) : join(homedir(), ".cache"), "millrace");
}
