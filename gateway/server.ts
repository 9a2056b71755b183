import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { keptHeaders } from "./front-door.ts";
import type { Limits } from "./limits.ts";
import { type ProblemSlug, rawProblemResponse } from "./problem.ts";

export type ServerOptions = {
  readonly listener: RequestListener;
  readonly limits: Limits;
  /** Loopback unless somebody says otherwise. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Take any free port when `port` is in use, instead of failing. */
  readonly takeFreePort?: boolean;
};

export type RunningServer = {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** False when `port` was in use and another was taken. */
  readonly portAsAsked: boolean;
  /** Stops listening, lets answers under way end, and closes what is idle; after `graceMs` everything. */
  close(graceMs?: number): Promise<void>;
};

const checkEveryMs = 500;
const maxConnections = 10_000;

/** Listens, with the bounds on time, headers and connections that node:http keeps by itself. @throws {Error} `EADDRINUSE` */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { listener, limits, host = "127.0.0.1", port, takeFreePort = false } = options;
  const settings = {
    headersTimeout: limits.headersTimeoutMs,
    // The gateway gives up on a slow body itself, with a better answer; this is for routes that do not.
    requestTimeout: limits.bodyTotalMs + limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(checkEveryMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.headerBytes,
    noDelay: true,
  };
  const server = createServer(settings, listener);
  server.maxHeadersCount = keptHeaders(limits);
  server.maxConnections = maxConnections;
  // A client that asks first is told to go on by the one who reads the body, so that a refusal costs it nothing.
  server.on("checkContinue", listener);
  server.on("clientError", answerClientError);
  let portAsAsked = true;
  try {
    await listen(server, { host, port });
  } catch (error) {
    if (!takeFreePort || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    portAsAsked = false;
    await listen(server, { host, port: 0 });
  }
  const { port: taken } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return { host, port: taken, url: `http://${name}:${taken}`, portAsAsked, close: (graceMs = 1_000) => closeServer(server, graceMs) };
}

function listen(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

const answers: Readonly<Record<string, readonly [slug: ProblemSlug, detail: string]>> = {
  HPE_HEADER_OVERFLOW: ["headers-too-large", "the headers are larger than this gateway reads"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["payload-too-large", "the chunk extensions are larger than this gateway reads"],
  ERR_HTTP_REQUEST_TIMEOUT: ["request-timeout", "the request came too slowly"],
};

/** What could not be read as a request is answered in the same form as what could, then the connection ends. [G29] */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const owed = (socket as Socket & { readonly _httpMessage?: ServerResponse })._httpMessage;
  if (error.code === "ECONNRESET" || !socket.writable || owed?.headersSent === true) {
    socket.destroy();
    return;
  }
  if (owed?.req.complete === true) {
    // A whole request waits for its own answer, and must not take this refusal for it: what it brought may be stored. Its answer is the last.
    owed.shouldKeepAlive = false;
    return;
  }
  const [slug, detail] = answers[error.code ?? ""] ?? ["malformed-request", "the request is not HTTP/1.1 as this gateway reads it"];
  socket.end(rawProblemResponse(slug, detail));
}
