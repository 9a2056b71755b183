import { hash, timingSafeEqual } from "node:crypto";

/** Who sends. A `developer` may leave out what a program must say (content type, id, time), and is told what was filled in. */
export type Principal = { readonly name: string; readonly developer: boolean };

/** `open`: no key is asked, for a gateway on loopback only. Secrets come from whoever starts the process; here only their hashes are kept. */
export type Access =
  | { readonly kind: "open" }
  | { readonly kind: "keys"; readonly keys: readonly { readonly name: string; readonly secret: string; readonly developer?: boolean }[] };

export type Authorized =
  | { readonly kind: "known"; readonly principal: Principal }
  | { readonly kind: "refused"; readonly slug: "missing-credentials" | "invalid-credentials" };

const bearer = /^Bearer +([\x21-\x7e]{1,256})$/i;
const anyone: Authorized = { kind: "known", principal: { name: "open", developer: true } };
const missing: Authorized = { kind: "refused", slug: "missing-credentials" };
const invalid: Authorized = { kind: "refused", slug: "invalid-credentials" };

/** Judges an `Authorization` header: one hash, one look-up by it, one comparison in constant time. */
export function authorizer(access: Access): (header: string | undefined) => Authorized {
  if (access.kind === "open") return () => anyone;
  const known = new Map(
    access.keys.map(({ name, secret, developer = false }) => {
      const digest = hash("sha256", secret, "buffer");
      const answer: Authorized = { kind: "known", principal: { name, developer } };
      return [digest.toString("latin1"), { digest, answer }];
    }),
  );
  return (header) => {
    if (header === undefined) return missing;
    const match = bearer.exec(header);
    if (!match) return invalid;
    const digest = hash("sha256", match[1]!, "buffer");
    const key = known.get(digest.toString("latin1"));
    return key !== undefined && timingSafeEqual(key.digest, digest) ? key.answer : invalid;
  };
}
