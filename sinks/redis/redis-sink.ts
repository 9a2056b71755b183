import type { Delivery, DeliveryResult, Sink, SinkLimits } from "@millrace/engine";
import { ErrorReply } from "@redis/client";
import { offsetDigits } from "./keep-newest.ts";
import { checkPlace, connectRedis, type RedisConnection, type RedisPlace } from "./redis-connection.ts";

/** A read model of one key: a string (JSON, say), a hash by field, or nothing, which deletes it. */
export type RedisEntry = {
  /** Behind the prefix. */
  readonly key: string;
  readonly value: string | Uint8Array | { readonly [field: string]: string } | null;
};

export type RedisSinkOptions = RedisPlace & {
  /** Before each key, `sales:` for example. */
  readonly prefix: string;
  /** How long a key lives behind its last record's delivery, ms; for ever unless told. */
  readonly ttlMs?: number;
  /** What a record leaves there; of one with a null value, its key alone is read. @throws what then refuses the record, as `unrenderable` */
  readonly render: (record: Delivery) => RedisEntry;
  /** Tells this log from another whose topics have the same names: another one overwrites what this one wrote, whatever the offsets. */
  readonly origin?: string;
};

/** How long a deletion is remembered, so that an older record that is late brings nothing back. */
const deletionMs = 86_400_000;

/**
 * Keeps a key a record's key in Redis: all records of a call in one go, each by one atomic script, which changes only what is older there. An answer about
 * the key itself (no permission for it) refuses the record; any other is tried again. One server, or a primary with replicas; no cluster.
 */
export class RedisSink implements Sink {
  readonly limits: SinkLimits = { records: 500, bytes: 4 << 20, calls: 1 };
  readonly #options;
  #connection: Promise<RedisConnection> | undefined;

  /** @throws {RedisError} `REDIS_URL_MALFORMED`, `REDIS_CLEAR_TEXT` */
  constructor(options: RedisSinkOptions) {
    checkPlace(options);
    this.#options = options;
  }

  async deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    const connection = await this.#connected(signal);
    const drop = (): void => connection.drop();
    signal.throwIfAborted();
    signal.addEventListener("abort", drop, { once: true });
    try {
      return await Promise.all(batch.map((record) => this.#put(record, connection)));
    } finally {
      signal.removeEventListener("abort", drop);
    }
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    connection?.drop();
  }

  async #connected(signal: AbortSignal): Promise<RedisConnection> {
    for (;;) {
      const opening = (this.#connection ??= connectRedis(this.#options, signal));
      try {
        const connection = await opening;
        if (connection.usable) return connection;
      } catch (error) {
        this.#forget(opening);
        throw error;
      }
      this.#forget(opening);
    }
  }

  /** Unless somebody has opened another one meanwhile. */
  #forget(opening: Promise<RedisConnection>): void {
    if (this.#connection === opening) this.#connection = undefined;
  }

  /** Never rejects. */
  async #put(record: Delivery, connection: RedisConnection): Promise<DeliveryResult> {
    const { prefix, ttlMs = 0, origin = "" } = this.#options;
    const { topic, partition } = record.at;
    let key: string;
    let what: readonly (string | Buffer)[];
    try {
      const entry = this.#options.render(record);
      key = `${prefix}${entry.key}`;
      if (key.startsWith(beside)) throw new RangeError(`a key that begins with ${beside} would be one of the sink's own`);
      what = record.value === null ? ["delete"] : written(entry.value);
    } catch (error) {
      return { kind: "refused", reason: "unrenderable", answer: messageOf(error) };
    }
    const lives = [String(ttlMs), String(Math.max(ttlMs, deletionMs))];
    try {
      await connection.run([key, `${beside}${key}`], [`${origin}${topic}/${partition}`, offsetDigits(record.order), ...lives, ...what]);
      return { kind: "delivered" };
    } catch (error) {
      const reason = messageOf(error);
      if (!(error instanceof ErrorReply)) return { kind: "retry", reason, unanswered: true };
      const [code = ""] = reason.split(" ", 1);
      if (code === "NOPERM" && /\bkeys?\b/.test(reason)) return { kind: "refused", reason: `redis-${code}`, answer: reason };
      // The server has been restarted or taken over by one that does not know the script: a new line brings it.
      if (code === "NOSCRIPT" || code === "READONLY") connection.drop();
      return { kind: "retry", reason };
    }
  }
}

/** The key that stands beside one, with the place of its record. */
const beside = "millrace:at:";

function written(value: RedisEntry["value"]): readonly (string | Buffer)[] {
  if (value === null) return ["delete"];
  if (typeof value === "string") return ["string", value];
  if (value instanceof Uint8Array) return ["string", Buffer.from(value.buffer, value.byteOffset, value.byteLength)];
  const fields = Object.entries(value);
  if (fields.length === 0) throw new TypeError("a hash has at least one field");
  for (const [name, text] of fields) if (typeof text !== "string") throw new TypeError(`the field ${name} is no text`);
  return ["hash", ...fields.flat()];
}

/** Of an answer, so much is kept for the dead letter. */
const answerLength = 1000;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, answerLength);
