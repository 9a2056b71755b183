/** Whether letters may be redriven and dropped here; `key` names who is let in. */
export type SettlingRight =
  | { readonly kind: "allowed"; readonly key: string }
  | { readonly kind: "refused"; readonly slug: "settling-refused"; readonly detail: string };

const loopback = ["127.0.0.1", "::1", "localhost"];

/** Who has the server's key, or, where it has none, who is on its machine. [RD7] */
export function settlingRight(host: string, key: string | undefined): SettlingRight {
  if (key !== undefined && key !== "") return { kind: "allowed", key: "MILLRACE_KEY" };
  if (loopback.includes(host)) return { kind: "allowed", key: "loopback" };
  const detail = `the server is reached from other machines (${host}) and asks nobody for a key: start it with MILLRACE_KEY`;
  return { kind: "refused", slug: "settling-refused", detail };
}
