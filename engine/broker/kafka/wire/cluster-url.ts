import { readFileSync } from "node:fs";
import { type Address, type ClusterSettings, parseAddress } from "./cluster.ts";
import { ClusterUrlError } from "./cluster-url-error.ts";
import { mskToken, regionOf } from "./msk-token.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `sasl=` of the URL, and what Kafka calls it. */
const mechanisms = {
  plain: "PLAIN",
  "scram-sha-256": "SCRAM-SHA-256",
  "scram-sha-512": "SCRAM-SHA-512",
  oauthbearer: "OAUTHBEARER",
  "aws-msk-iam": "OAUTHBEARER",
} as const;
type Mechanism = keyof typeof mechanisms;
/** These give the secret itself to who listens on the network. */
const revealing: readonly Mechanism[] = ["plain", "oauthbearer", "aws-msk-iam"];
const options = ["sasl", "client-id", "clear-text"];
const example = "kafkas://broker-1:9093,broker-2:9093?sasl=scram-sha-512";

/**
 * How the cluster of a URL is reached: `kafka://host:port,host:port` in plain words, `kafkas://` by TLS; port 9092 unless said.
 * Options: `sasl=plain|scram-sha-256|scram-sha-512|oauthbearer|aws-msk-iam`, `client-id=` (`millrace`), `clear-text=allowed` for secrets without TLS.
 *
 * Secrets stand in the environment: `MILLRACE_KAFKA_USERNAME` and `_PASSWORD`; `_TOKEN`, or `_TOKEN_FILE`, which is read at each login;
 * `_CA`, `_CERT`, `_KEY`: PEM files, where the system's authorities are not those, and where brokers ask for a certificate.
 * `_VIA` says where brokers are reached when not at what they advertise: `broker-1:9092=127.0.0.1:19092,broker-2:9092=127.0.0.1:29092`.
 *
 * @throws {ClusterUrlError} any of its codes
 */
export function parseClusterUrl(url: string, env: Environment): ClusterSettings {
  const { secure, bootstrap, query } = split(url);
  for (const name of query.keys()) {
    if (!options.includes(name))
      throw new ClusterUrlError("KAFKA_URL_OPTION", `${name} is no option of a Kafka URL: known are ${options.join(", ")}`);
  }
  const mechanism = mechanismOf(query.get("sasl"));
  if (mechanism !== undefined) refuseClearText(mechanism, { secure, bootstrap, allowed: query.get("clear-text") });
  const via = viaOf(env["MILLRACE_KAFKA_VIA"]);
  return {
    bootstrap,
    clientId: query.get("client-id") || "millrace",
    ...(secure ? { tls: tlsOf(env) } : {}),
    ...(mechanism === undefined ? {} : { sasl: saslOf(mechanism, bootstrap, env) }),
    ...(via === undefined ? {} : { via }),
  };
}

function split(url: string): { readonly secure: boolean; readonly bootstrap: readonly Address[]; readonly query: URLSearchParams } {
  const [, scheme, authority = "", query = ""] = /^(kafkas?):\/\/([^/?#]*)\/?(?:\?([^#]*))?$/.exec(url) ?? [];
  if (authority.includes("@")) {
    const instead = "MILLRACE_KAFKA_USERNAME and MILLRACE_KAFKA_PASSWORD";
    throw new ClusterUrlError("KAFKA_URL_SECRET", `a Kafka URL holds no login, for it is logged and listed: put it into ${instead}`);
  }
  const bootstrap = authority.split(",").map((text) => parseAddress(text, 9092));
  if (scheme === undefined || bootstrap.includes(undefined)) {
    throw new ClusterUrlError("KAFKA_URL_MALFORMED", `${withoutLogin(url)} is no Kafka URL: write ${meant(url)}`);
  }
  return { secure: scheme === "kafkas", bootstrap: bootstrap as Address[], query: new URLSearchParams(query) };
}

/** Addresses alone are what other programs take; anything else may hold a secret. */
function meant(url: string): string {
  const isList = /^[\w.:,[\]-]+$/.test(url) && url.split(",").every((text) => parseAddress(text, 9092) !== undefined);
  return isList ? `kafka://${url}` : example;
}

/** What is told of a URL; who mistypes one may have put a password into it. */
const withoutLogin = (url: string): string => url.replace(/\?.*$/s, "").replace(/^.*@/s, "…@");

function mechanismOf(name: string | null): Mechanism | undefined {
  if (name === null) return undefined;
  if (Object.hasOwn(mechanisms, name)) return name as Mechanism;
  throw new ClusterUrlError("KAFKA_URL_OPTION", `sasl=${name} is not known: write one of ${Object.keys(mechanisms).join(", ")}`);
}

function refuseClearText(
  mechanism: Mechanism,
  { secure, bootstrap, allowed }: { readonly secure: boolean; readonly bootstrap: readonly Address[]; readonly allowed: string | null },
): void {
  if (allowed !== null && allowed !== "allowed")
    throw new ClusterUrlError("KAFKA_URL_OPTION", `clear-text is "allowed" or left out, not ${allowed}`);
  const local = bootstrap.every(({ host }) => host === "localhost" || host === "::1" || host.startsWith("127."));
  if (secure || local || allowed === "allowed" || !revealing.includes(mechanism)) return;
  throw new ClusterUrlError(
    "KAFKA_CLEAR_TEXT",
    `sasl=${mechanism} over kafka:// shows the secret to the network: write kafkas://, or add clear-text=allowed if the network is your own`,
  );
}

function tlsOf(env: Environment): NonNullable<ClusterSettings["tls"]> {
  const ca = fileOf(env, "MILLRACE_KAFKA_CA");
  const cert = fileOf(env, "MILLRACE_KAFKA_CERT");
  const key = fileOf(env, "MILLRACE_KAFKA_KEY");
  if ((cert === undefined) !== (key === undefined)) {
    throw new ClusterUrlError("KAFKA_LOGIN_MISSING", "MILLRACE_KAFKA_CERT and MILLRACE_KAFKA_KEY go together: set both or none");
  }
  return { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
}

function saslOf(mechanism: Mechanism, bootstrap: readonly Address[], env: Environment): NonNullable<ClusterSettings["sasl"]> {
  const name = mechanisms[mechanism];
  if (mechanism === "aws-msk-iam") return { mechanism: name, token: mskToken(regionFor(bootstrap, env)) };
  if (mechanism === "oauthbearer") return { mechanism: name, token: tokenOf(env) };
  const { MILLRACE_KAFKA_USERNAME: username, MILLRACE_KAFKA_PASSWORD: password } = env;
  if (!username || !password) {
    throw new ClusterUrlError("KAFKA_LOGIN_MISSING", `sasl=${mechanism} needs MILLRACE_KAFKA_USERNAME and MILLRACE_KAFKA_PASSWORD`);
  }
  return { mechanism: name, username, password };
}

function tokenOf(env: Environment): string | (() => string) {
  const { MILLRACE_KAFKA_TOKEN: token, MILLRACE_KAFKA_TOKEN_FILE: file } = env;
  if (token) return token;
  if (!file) throw new ClusterUrlError("KAFKA_LOGIN_MISSING", "sasl=oauthbearer needs MILLRACE_KAFKA_TOKEN or MILLRACE_KAFKA_TOKEN_FILE");
  const read = (): string => fileOf(env, "MILLRACE_KAFKA_TOKEN_FILE")!.trim();
  // Said now if it is not there; later logins read what stands there then.
  read();
  return read;
}

function regionFor(bootstrap: readonly Address[], env: Environment): string {
  const region =
    bootstrap.map(({ host }) => regionOf(host)).find((found) => found !== undefined) ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
  if (region) return region;
  throw new ClusterUrlError("KAFKA_REGION_UNKNOWN", "sasl=aws-msk-iam needs AWS_REGION where the brokers' names do not say it");
}

function fileOf(env: Environment, name: string): string | undefined {
  const path = env[name];
  if (!path) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ClusterUrlError("KAFKA_FILE_UNREADABLE", `${name} is ${path}, which cannot be read: ${(error as Error).message}`, error);
  }
}

function viaOf(text: string | undefined): ClusterSettings["via"] | undefined {
  if (!text) return undefined;
  const ways = new Map<string, Address>();
  for (const way of text.split(",")) {
    const [from, to] = way.split("=").map((address) => parseAddress(address, 9092));
    if (from === undefined || to === undefined) {
      throw new ClusterUrlError(
        "KAFKA_URL_MALFORMED",
        `MILLRACE_KAFKA_VIA: ${way} is no way: write broker-1:9092=127.0.0.1:19092, with commas between`,
      );
    }
    ways.set(`${from.host}:${from.port}`, to);
  }
  return ways;
}
