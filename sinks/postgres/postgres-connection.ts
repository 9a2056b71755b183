import { readFileSync } from "node:fs";
import { Pool, type PoolConfig } from "pg";
import { PostgresError } from "./postgres-error.ts";

/** A database as the sink uses it, so that PGlite can stand there too. */
export interface PostgresConnection {
  /** Rejects with the server's error, whose `code` is its SQLSTATE. After `signal` what the statement does is unknown, and its line is dropped. */
  query(text: string, values: readonly unknown[], signal: AbortSignal): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

export type PostgresPlace = {
  /** `postgres://user@host/database`; a password in it or in PGPASSWORD. Off loopback TLS is spoken and the server's name checked, unless it says `sslmode=disable`. */
  readonly url: string;
  /** What a call may take, ms; a statement gets four fifths of it. */
  readonly callMs?: number;
  readonly connections?: number;
};

/** Opens nothing yet. @throws {PostgresError} `POSTGRES_URL_MALFORMED` */
export function connectPostgres({ url, callMs = 30_000, connections = 4 }: PostgresPlace): PostgresConnection {
  const withinMs = Math.max(1, Math.floor(callMs * 0.8));
  const pool = new Pool({
    ...settingsOf(url),
    max: connections,
    application_name: "millrace",
    statement_timeout: withinMs,
    connectionTimeoutMillis: withinMs,
    keepAlive: true,
  });
  // A line that breaks says so beside what its statement does; whoever waits for that, or uses the next one, hears of it.
  pool.on("connect", (client) => void client.on("error", () => undefined));
  pool.on("error", () => undefined);
  return {
    async query(text, values, signal) {
      signal.throwIfAborted();
      const client = await pool.connect();
      let released = false;
      const drop = (): void => {
        released = true;
        client.release(true);
      };
      if (signal.aborted) drop();
      signal.throwIfAborted();
      signal.addEventListener("abort", drop, { once: true });
      try {
        const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
        return rows;
      } finally {
        signal.removeEventListener("abort", drop);
        // oxlint-disable-next-line typescript/no-unnecessary-condition: `drop` may have run meanwhile
        if (!released) client.release();
      }
    },
    close: () => pool.end(),
  };
}

/** @throws {PostgresError} `POSTGRES_URL_MALFORMED` */
export function settingsOf(text: string): PoolConfig {
  const malformed = (what: string): PostgresError =>
    new PostgresError("POSTGRES_URL_MALFORMED", `the URL of the database ${what}; right is postgres://user@host:5432/database`);
  if (!URL.canParse(text)) throw malformed("cannot be read");
  const url = new URL(text);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") throw malformed(`begins with ${url.protocol}`);
  const mode = url.searchParams.get("sslmode") ?? (isNear(url) ? "disable" : "verify-full");
  const authority = url.searchParams.get("sslrootcert");
  for (const name of ["sslmode", "sslrootcert"]) url.searchParams.delete(name);
  if (mode === "disable") return { connectionString: url.href, ssl: false };
  if (mode !== "require" && mode !== "verify-full") throw malformed(`says sslmode=${mode}: write verify-full, or disable`);
  return { connectionString: url.href, ssl: { rejectUnauthorized: true, ...(authority === null ? {} : { ca: readAuthority(authority) }) } };
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new PostgresError("POSTGRES_URL_MALFORMED", `sslrootcert names ${path}, which cannot be read`, error);
  }
}

/** The machine itself, by loopback or a socket's path. */
function isNear({ hostname, searchParams }: URL): boolean {
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  return host === "" || host.startsWith("/") || host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
