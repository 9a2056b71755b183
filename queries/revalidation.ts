import { hash } from "node:crypto";

/** Answers may be kept by the one who asked, and are asked about each time: a figure that has changed is never shown from a cache. */
export const cacheControl = "private, no-cache";

/** The answer under an ETag of its bytes, or 304 without them for one who has them. */
export function revalidated(body: Buffer, headers: Readonly<Record<string, string>>, ifNoneMatch: string | undefined): Response {
  const etag = `"${hash("sha1", body, "base64url")}"`;
  const init = { headers: { ...headers, ETag: etag } };
  if (ifNoneMatch === undefined || !names(ifNoneMatch, etag)) return new Response(body, init);
  return new Response(null, { status: 304, ...init });
}

/** If-None-Match compares weakly (RFC 9110, 13.1.2); a proxy that compresses may have made the tag weak. */
const names = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
