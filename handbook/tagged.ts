import { hash } from "node:crypto";

/** A text with its tag, made when it is first asked for. */
export type Tagged = () => { readonly body: string; readonly etag: string };

export function tagged(make: () => string): Tagged {
  let made: ReturnType<Tagged> | undefined;
  return () => {
    if (made === undefined) {
      const body = make();
      made = { body, etag: `"${hash("sha256", body, "base64url").slice(0, 22)}"` };
    }
    return made;
  };
}

/** The text, or 304 for who has it. */
export function respond({ body, etag }: ReturnType<Tagged>, request: Request, headers: Readonly<Record<string, string>>): Response {
  const all = { "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", ETag: etag, ...headers };
  const known = request.headers.get("if-none-match")?.split(",") ?? [];
  if (known.some((one) => one.trim().replace(/^W\//, "") === etag)) return new Response(null, { status: 304, headers: all });
  return new Response(body, { headers: all });
}
