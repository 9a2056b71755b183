import { createClient } from "@redis/client";
import { RedisError } from "./redis-error.ts";
import { keepNewest } from "./keep-newest.ts";

export type RedisPlace = {
  /** `redis://host:6379/0`, or `rediss:` for TLS, which a password needs off loopback. */
  readonly url: string;
  readonly username?: string;
  /** From the environment; takes the place of the URL's. */
  readonly password?: string;
  /** What a call may take, ms; connecting gets four fifths of it. */
  readonly callMs?: number;
};

/** A line to one server that knows the script. */
export type RedisConnection = {
  readonly usable: boolean;
  /** Rejects with the server's answer, or with what befell the line. Calls of one turn are sent together. */
  run(keys: readonly [string, string], values: readonly (string | Buffer)[]): Promise<unknown>;
  /** What was asked and not answered is unknown. */
  drop(): void;
};

/** @throws {RedisError} `REDIS_URL_MALFORMED`, `REDIS_CLEAR_TEXT` */
export function checkPlace({ url: text, password }: RedisPlace): void {
  const right = "right is rediss://host:6379/0, or redis:// on this machine";
  if (!URL.canParse(text)) throw new RedisError("REDIS_URL_MALFORMED", `the URL of Redis cannot be read; ${right}`);
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:")
    throw new RedisError("REDIS_URL_MALFORMED", `the URL of Redis begins with ${url.protocol}; ${right}`);
  if (!/^(\/\d*)?$/.test(url.pathname))
    throw new RedisError("REDIS_URL_MALFORMED", `the URL of Redis names no database by number; ${right}`);
  const near = ["localhost", "[::1]", ""].includes(url.hostname) || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
  if (url.protocol === "redis:" && !near && (password ?? url.password) !== "")
    throw new RedisError("REDIS_CLEAR_TEXT", "a password would go over a network in plain words; write rediss://");
}

export async function connectRedis(place: RedisPlace, signal: AbortSignal): Promise<RedisConnection> {
  const { url, username, password, callMs = 30_000 } = place;
  const client = createClient({
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    name: "millrace",
    disableOfflineQueue: true,
    socket: { connectTimeout: Math.max(1, Math.floor(callMs * 0.8)), reconnectStrategy: false },
  });
  // Whoever waits for an answer hears of it.
  client.on("error", () => undefined);
  const drop = (): void => {
    if (client.isOpen) client.destroy();
  };
  signal.throwIfAborted();
  signal.addEventListener("abort", drop, { once: true });
  try {
    await client.connect();
    const sha = await client.scriptLoad(keepNewest);
    return {
      get usable() {
        return client.isReady;
      },
      run: (keys, values) => client.sendCommand(["EVALSHA", sha, "2", ...keys, ...values]),
      drop,
    };
  } catch (error) {
    drop();
    throw error;
  } finally {
    signal.removeEventListener("abort", drop);
  }
}
