import { existsSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { freePort, serviceFolder, ServiceProcess } from "./service-process.ts";

/** Undefined where none is installed. */
export const redisProgram: string | undefined = (process.env["PATH"] ?? "")
  .split(":")
  .map((folder) => join(folder, "redis-server"))
  .find((file) => existsSync(file));

export type RedisServer = { readonly port: number; readonly url: string; stop(): Promise<void> };

/** A Redis of its own, empty, on loopback, that keeps nothing on the disk. */
export async function startRedis(): Promise<RedisServer> {
  if (redisProgram === undefined) throw new Error("no Redis is installed: apt-get install redis-server");
  const folder = serviceFolder("redis");
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const command = [redisProgram, "--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--dir", folder];
  const service = await ServiceProcess.start(command, folder, async () => {
    const client = createClient({ url, socket: { reconnectStrategy: false } }).on("error", () => undefined);
    await client.connect();
    await client.ping();
    client.destroy();
  });
  return { port, url, stop: () => service.stop() };
}
