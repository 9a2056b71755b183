import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import {
  AuthenticationError,
  type Connection,
  type ConnectionOptions,
  ConnectionPool,
  MultipleErrors,
  NetworkError,
} from "./kafka-library.ts";
import { type Address, type ClusterSettings, reachedAt } from "./cluster.ts";

/** One role's connections to the brokers of a cluster, at most one a broker; opened when they are asked for. */
export class Connections {
  readonly #settings;
  readonly #clientId;
  readonly #requestTimeoutMs;
  readonly #pools = new Map<string, ConnectionPool>();
  #closed = false;

  constructor(settings: ClusterSettings, clientId: string, requestTimeoutMs: number) {
    this.#settings = settings;
    this.#clientId = clientId;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** The connection to the broker that advertises this address. @throws what the library throws */
  async to(advertised: Address): Promise<Connection> {
    return this.#poolOf(advertised).get(this.#target(advertised));
  }

  /** An open connection to one of them, or else the first that can be opened. @throws what the library throws, all of it */
  async toAny(advertised: readonly Address[]): Promise<Connection> {
    for (const address of advertised) {
      const open = this.#poolOf(address).getEstablishedConnection(this.#target(address));
      if (open?.isConnected() === true) return open;
    }
    const errors: Error[] = [];
    for (const address of advertised) {
      try {
        return await this.to(address);
      } catch (error) {
        errors.push(error as Error);
      }
    }
    throw new MultipleErrors("no broker can be reached", errors);
  }

  /** Nothing is opened any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  #target(advertised: Address): Address {
    return reachedAt(this.#settings, advertised);
  }

  /** With TLS a pool a host: its certificate is for the name that it advertises, whatever stands in between. */
  #poolOf({ host }: Address): ConnectionPool {
    const name = this.#settings.tls === undefined ? "" : host;
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    if (this.#closed) throw new NetworkError("the connections are closed");
    const pool = new ConnectionPool(this.#clientId, {
      connectTimeout: 5000,
      requestTimeout: this.#requestTimeoutMs,
      ...this.#tls(host),
      ...this.#sasl(),
    });
    // The pool hears a connection's first error only, and the next one would end the process.
    pool.on("connecting", ({ connection }) => connection.on("error", () => undefined));
    this.#pools.set(name, pool);
    return pool;
  }

  #tls(host: string): Pick<ConnectionOptions, "tls"> {
    const { tls } = this.#settings;
    if (tls === undefined) return {};
    const name = tls.servername ?? host;
    // Node tells the server the name that is wanted (SNI) only when it is told to; an address is none.
    const servername = isIP(name) === 0 ? { servername: name } : {};
    return { tls: { ...servername, checkServerIdentity: (_name, certificate) => checkServerIdentity(name, certificate), ...tls } };
  }

  #sasl(): Pick<ConnectionOptions, "sasl"> {
    const { sasl } = this.#settings;
    if (sasl === undefined) return {};
    return { sasl: sasl.mechanism === "OAUTHBEARER" ? { authBytesValidator: refuseChallenge, ...sasl } : sasl };
  }
}

/** A broker that takes a bearer's token says nothing more; one that refuses it says why, and calls that no error (RFC 7628, 3.2.2). */
function refuseChallenge(challenge: Buffer, settle: (error: Error | null, challenge: Buffer) => void): void {
  if (challenge.length === 0) settle(null, challenge);
  else
    settle(new AuthenticationError("the token is refused", { apiId: "SASL_AUTHENTICATION_FAILED", said: challenge.toString() }), challenge);
}
