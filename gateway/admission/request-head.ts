import type { IncomingMessage } from "node:http";
import type { Health } from "../health.ts";
import type { Ids } from "../ids.ts";
import type { Limits } from "../limits.ts";
import { type Problem, retryAfterSeconds } from "../problem.ts";
import type { Authorized, Principal } from "./credentials.ts";
import { type ContentCoding, codingOf, contentCodings, tooLarge } from "./decode-body.ts";
import { acceptedTypes, type BodyFormat, formatOf } from "./media-type.ts";

/** What was understood of a request before its body is read. */
export type RequestHead = {
  readonly principal: Principal;
  readonly format: BodyFormat;
  readonly coding: ContentCoding | "identity";
  readonly declaredBytes: number | undefined;
};

export type HeadJudgeOptions = {
  readonly health: Health;
  readonly authorize: (header: string | undefined, connection?: object) => Authorized;
  readonly limits: Limits;
  readonly ids: Ids;
  readonly waitingBytes: () => number;
  /** Why the log cannot take anything now; undefined while it can. */
  readonly logAway: () => string | undefined;
};

/** How many times the largest body is read without being kept. */
const discardedBodies = 16;

/** Judges the head of a request that brings events: the cheapest refusals first, and all of them before a byte of the body is read. */
export function headJudge(options: HeadJudgeOptions): (request: IncomingMessage) => RequestHead | Problem {
  const { health, authorize, limits, ids, waitingBytes, logAway } = options;
  return ({ headers, socket }) => {
    if (health.draining) return draining;
    const authorized = authorize(headers.authorization, socket);
    if (authorized.kind === "refused") {
      const detail = authorized.slug === "missing-credentials" ? "send Authorization: Bearer with a key" : "this key is not known here";
      return { slug: authorized.slug, detail, headers: { "WWW-Authenticate": "Bearer" } };
    }
    const { principal } = authorized;
    const away = logAway();
    if (away !== undefined) {
      return { slug: "log-unavailable", detail: away, headers: { "Retry-After": String(retryAfterSeconds(ids.roll())) } };
    }
    const format = formatOf(headers["content-type"], principal.developer);
    if (format === undefined) return unsupportedType(headers["content-type"]);
    const coding = codingOf(headers["content-encoding"]);
    if (coding === undefined) return unsupportedCoding;
    const length = headers["content-length"];
    const declaredBytes = length === undefined ? undefined : Number(length);
    if (declaredBytes !== undefined && declaredBytes > limits.wireBytes) return declaredTooLarge(declaredBytes, limits);
    if (waitingBytes() + (declaredBytes ?? 0) > limits.waitingBytes) {
      const detail = `more than ${limits.waitingBytes} bytes are waiting for the log`;
      return { slug: "temporary-reduced-capacity", detail, headers: { "Retry-After": String(retryAfterSeconds(ids.roll())) } };
    }
    return { principal, format, coding, declaredBytes };
  };
}

const draining: Problem = {
  slug: "draining",
  detail: "this gateway is shutting down",
  headers: { Connection: "close", "Retry-After": "1" },
};

function unsupportedType(sent: string | undefined): Problem {
  const named =
    sent === undefined ? "no Content-Type was sent" : /^[\w.+-]{1,64}\/[\w.+-]{1,64}(?:\s*;\s*charset="?[\w-]{1,32}"?)?/i.exec(sent)?.[0];
  return {
    slug: "unsupported-media-type",
    detail: `${named === undefined ? "" : `${named}${sent === undefined ? "" : " is not read here"}: `}send ${acceptedTypes}, in UTF-8`,
    headers: { "Accept-Post": acceptedTypes },
  };
}

const unsupportedCoding: Problem = {
  slug: "unsupported-encoding",
  detail: `send one of ${contentCodings.join(", ")}, once, or none`,
  headers: { "Accept-Encoding": contentCodings.join(", ") },
};

function declaredTooLarge(bytes: number, limits: Limits): Problem {
  // Node reads what follows and throws it away, so that the sender gets to see the answer: within reason.
  const close = bytes > discardedBodies * limits.wireBytes ? { headers: { Connection: "close" } } : {};
  return { ...tooLarge("wireBytes", bytes, limits), ...close };
}
