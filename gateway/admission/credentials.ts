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

/**
 * Judges an `Authorization` header: one hash, one look-up by it, one comparison in constant time. What a connection was let in with before is
 * only compared, in constant time as well: a client sends the same key with each request, and the hash would be a twentieth of one.
 */
export function authorizer(access: Access): (header: string | undefined, connection?: object) => Authorized {
  if (access.kind === "open") return () => anyone;
  const known = new Map(
    access.keys.map(({ name, secret, developer = false }) => {
      const digest = hash("sha256", secret, "buffer");
      const answer: Authorized = { kind: "known", principal: { name, developer } };
      return [digest.toString("latin1"), { digest, answer }];
    }),
  );
  const letIn = new WeakMap<object, { readonly header: string; readonly answer: Authorized }>();
  return (header, connection) => {
    if (header === undefined) return missing;
    const before = connection && letIn.get(connection);
    if (before !== undefined && isSame(before.header, header)) return before.answer;
    const match = bearer.exec(header);
    if (!match) return invalid;
    const digest = hash("sha256", match[1]!, "buffer");
    const key = known.get(digest.toString("latin1"));
    if (key === undefined || !timingSafeEqual(key.digest, digest)) return invalid;
    if (connection !== undefined) letIn.set(connection, { header, answer: key.answer });
    return key.answer;
  };
}

/** Takes a time that depends on the length of `told` only. */
function isSame(expected: string, told: string): boolean {
  let difference = expected.length ^ told.length;
  for (let i = 0; i < told.length; i++) difference |= expected.charCodeAt(i % expected.length) ^ told.charCodeAt(i);
  return difference === 0;
}
