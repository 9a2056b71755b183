import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { freePort, serviceFolder, ServiceProcess, serviceUser } from "./service-process.ts";

/** Where `initdb` and `postgres` are, Debian's newest first; undefined where none is installed. */
export const postgresPrograms: string | undefined = findPrograms();

export type PostgresServer = { readonly port: number; readonly url: string; stop(): Promise<void> };

/** A database of its own, empty, on loopback. It does not wait for the disk: only its clients are killed. */
export async function startPostgres(): Promise<PostgresServer> {
  if (postgresPrograms === undefined) throw new Error("no PostgreSQL is installed: apt-get install postgresql");
  const folder = serviceFolder("postgres");
  const data = join(folder, "data");
  const initdb = ["-D", data, "-A", "trust", "-U", "millrace", "--no-sync", "-E", "UTF8", "--locale=C"];
  execFileSync(join(postgresPrograms, "initdb"), initdb, { cwd: folder, stdio: "ignore", ...serviceUser() });
  const port = await freePort();
  const url = `postgres://millrace@127.0.0.1:${port}/postgres`;
  const command = [join(postgresPrograms, "postgres"), "-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", folder, "-F"];
  const service = await ServiceProcess.start(command, folder, async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.end();
  });
  return { port, url, stop: () => service.stop() };
}

function findPrograms(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const elsewhere = (process.env["PATH"] ?? "").split(":");
  return [...versions.map((version) => join(debian, version, "bin")), ...elsewhere].find(
    (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")),
  );
}
