import type { IncomingMessage } from "node:http";
import type { Limits } from "./limits.ts";
import type { Problem } from "./problem.ts";

/** Hosts that this gateway serves, without ports; `any` where something in front of it checks. */
export type Hosts = "any" | readonly string[];
export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

// node:http keeps at most this many headers of a request, silently; one more than allowed is enough to see.
export const keptHeaders = (limits: Limits): number => limits.headerCount + 1;

// Characters that need no encoding, and those that would change the path's meaning if they were decoded: slash, backslash, NUL.
const encodedInVain = /%(?:2[def]|3\d|4[1-9a-f]|5[\dacf]|6[1-9a-f]|7[\dae]|00)/i;
const withPort = /:\d{1,5}$/;

/**
 * What must hold of any request's head before a route looks at it: one Host that is served here (a page elsewhere may have a name that leads
 * to this machine), no foreign Origin, a literal path, bounded headers and query. Node lets two Host headers pass, and takes the first.
 * Where any host is served, `open` says that no key is asked for, so that a page elsewhere could post in the name of whoever looks at it. [G31]
 */
export function frontDoor(
  limits: Limits,
  hosts: Hosts,
  { open = false }: { readonly open?: boolean } = {},
): (request: IncomingMessage) => Problem | undefined {
  const served = hosts === "any" ? undefined : new Set(hosts.map((host) => host.toLowerCase()));
  return (request) => {
    const { rawHeaders } = request;
    if (rawHeaders.length > 2 * limits.headerCount) {
      return {
        slug: "headers-too-large",
        detail: `a request has at most ${limits.headerCount} headers`,
        more: { limit: limits.headerCount },
      };
    }
    let host: string | undefined;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      if (name.length !== 4 || name.toLowerCase() !== "host") continue;
      if (host !== undefined) return { slug: "malformed-request", detail: "there are two Host headers" };
      host = rawHeaders[i + 1]!.toLowerCase();
    }
    if (served !== undefined && (host === undefined || !served.has(host.replace(withPort, "")))) {
      return { slug: "host-not-allowed", detail: "the Host header names a host that is not served here" };
    }
    const { origin } = request.headers;
    if (origin !== undefined && served !== undefined && !isServedOrigin(origin, served)) return foreignPage;
    if (served === undefined && open && isOfForeignPage(request, host)) return foreignPage;
    return pathProblem(request.url ?? "", limits);
  };
}

const foreignPage: Problem = { slug: "origin-not-allowed", detail: "pages of another origin may not call this gateway" };

/** What changes something, sent by a page of another origin: browsers say so themselves (Fetch Metadata), older ones by an Origin that is not this host. */
function isOfForeignPage({ method, headers }: IncomingMessage, host: string | undefined): boolean {
  if (method === "GET" || method === "HEAD") return false;
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  return headers.origin !== undefined && /^https?:\/\/([^/]+)$/i.exec(headers.origin)?.[1]?.toLowerCase() !== host;
}

function isServedOrigin(origin: string, served: ReadonlySet<string>): boolean {
  const authority = /^https?:\/\/([^/]+)$/i.exec(origin)?.[1];
  return authority !== undefined && served.has(authority.toLowerCase().replace(withPort, ""));
}

/** Paths are compared as they were sent: what would have to be normalised first is nowhere. */
function pathProblem(url: string, limits: Limits): Problem | undefined {
  const queryAt = url.indexOf("?");
  if (queryAt >= 0 && url.length - queryAt - 1 > limits.queryBytes) {
    return { slug: "uri-too-long", detail: `a query has at most ${limits.queryBytes} bytes`, more: { limit: limits.queryBytes } };
  }
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const literal = path.startsWith("/") && !path.includes("//") && !/\\|\/\.\.?(?:\/|$)/.test(path) && !encodedInVain.test(path);
  return literal
    ? undefined
    : { slug: "not-found", detail: "paths are taken literally: no host, no empty or dotted segments, none of them encoded" };
}
