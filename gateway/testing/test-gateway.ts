import { once } from "node:events";
import { Agent, type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { connect } from "node:net";
import pino, { type Logger } from "pino";
import { Registry } from "prom-client";
import { decodeEvent } from "#schemas/event-codec.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import type { ShopEvent } from "#schemas/shop-event.ts";
import type { Appender, Position } from "#engine/broker/broker.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "#engine/broker/embedded/embedded-broker.ts";
import { decodeHeaders, headerBytesOf, keyTextOf, valueOf } from "#engine/broker/record-batch.ts";
import { createGateway, type Gateway, type GatewayOptions } from "../gateway.ts";
import { type RunningServer, startServer } from "../server.ts";

export type Answered = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: AnswerBody | undefined;
};

export type AnswerBody = {
  readonly type?: string;
  readonly requestId?: string;
  readonly limit?: number;
  readonly scope?: string;
  readonly byteOffset?: number;
  readonly skewMs?: number;
  readonly limits?: Readonly<Record<string, number>>;
  readonly results?: readonly EventResult[];
};

export type EventResult = {
  readonly i: number;
  readonly eventId: string | null;
  readonly status: "accepted" | "duplicate" | "rejected" | "retry";
  readonly token?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly pointer?: string;
  readonly didYouMean?: string;
  readonly retryAfterMs?: number;
  readonly firstReceivedAt?: string;
  readonly errors?: readonly { readonly code: string; readonly pointer: string; readonly detail: string }[];
  readonly warnings?: readonly { readonly code: string; readonly pointer: string; readonly detail: string }[];
};

/** A record as it lies on the log. */
export type Stored = {
  readonly token: string;
  readonly key: string;
  readonly timestamp: number;
  readonly sequence: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly event: ShopEvent;
};

export type TestGateway = {
  readonly gateway: Gateway;
  readonly server: RunningServer;
  readonly broker: EmbeddedBroker;
  readonly registry: Registry;
  readonly port: number;
  readonly post: (body: string | Buffer | object, headers?: Readonly<Record<string, string>>) => Promise<Answered>;
  readonly send: (request: TestRequest) => Promise<Answered>;
  /** Writes bytes to a socket of its own and answers all that comes back until the server closes it. */
  readonly raw: (bytes: string | Buffer) => Promise<string>;
  /** All records of the log, in the order of their sequence. */
  readonly stored: () => Promise<readonly Stored[]>;
  readonly close: () => Promise<void>;
};

export type TestRequest = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

export type TestOptions = Partial<Omit<GatewayOptions, "appender">> & {
  /** Stands between the gateway and its broker, to delay or refuse. */
  readonly wrap?: (appender: Appender) => Appender;
  readonly logger?: Logger;
};

/** A gateway over an embedded log in memory, on a port of its own. */
export async function openTestGateway(options: TestOptions = {}): Promise<TestGateway> {
  const { wrap = (appender) => appender, ...more } = options;
  const broker = openEmbeddedBroker({ path: ":memory:" });
  await broker.ensureTopics(
    eventRegistry.map(({ topic, partitions }) => ({
      name: topic,
      partitions: more.partitions?.get(topic) ?? partitions,
      retention: { kind: "forever" },
    })),
  );
  const registry = new Registry();
  const gateway = createGateway({
    appender: wrap(broker),
    access: {
      kind: "keys",
      keys: [
        { name: "shop", secret: "sk_test" },
        { name: "developer", secret: "sk_dev", developer: true },
      ],
    },
    logger: pino({ level: "silent" }),
    registry,
    dependencies: [],
    ...more,
  });
  const server = await startServer({ listener: gateway.listener, limits: gateway.limits, port: 0 });
  const agent = new Agent({ keepAlive: true });
  const { port } = server;

  const send: TestGateway["send"] = ({ method = "GET", path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const sent = httpRequest(
        { port, host: "127.0.0.1", agent, method, path, headers: { authorization: "Bearer sk_test", ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode!, headers: response.headers, text, json: readJson(text) });
          });
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });

  return {
    gateway,
    server,
    broker,
    registry,
    port,
    send,
    post: (body, headers = {}) => {
      const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      return send({ method: "POST", path: "/v1/events", headers: { "content-type": "application/json", ...headers }, body: bytes });
    },
    raw: async (bytes) => {
      const socket = connect(port, "127.0.0.1");
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      // A server that refuses closes while more is written to it: what it said before is the answer.
      socket.on("error", () => undefined);
      socket.write(bytes);
      await once(socket, "close");
      return Buffer.concat(chunks).toString("latin1");
    },
    stored: () => readLog(broker),
    close: async () => {
      agent.destroy();
      await gateway.close();
      await server.close(200);
      await broker.close();
    },
  };
}

function readJson(text: string): AnswerBody | undefined {
  try {
    return JSON.parse(text) as AnswerBody;
  } catch {
    return undefined;
  }
}

/** All events of a log, in the order of their sequence. */
export async function readLog(broker: Pick<EmbeddedBroker, "fetch" | "partitionsOf">): Promise<readonly Stored[]> {
  const all: Stored[] = [];
  let positions: Position[] = eventRegistry.flatMap(({ topic }) =>
    Array.from({ length: broker.partitionsOf(topic) }, (_, partition) => ({ topic, partition, offset: -1n })),
  );
  while (positions.length > 0) {
    const batches = await broker.fetch(positions, { maxBytes: 1e9, maxBytesPerPartition: 1e9, maxWaitMs: 0 });
    const next = new Map<string, Position>();
    for (const { topic, partition, baseOffset, index, count, next: offset } of batches) {
      for (let i = 0; i < count; i++) {
        const decoded = decodeEvent(valueOf(index, i)!);
        if (decoded.kind !== "decoded") throw new Error(`${decoded.code} on the log: ${decoded.detail}`);
        all.push({
          token: `${topic}:${partition}:${baseOffset + BigInt(index.numbers[i]!)}`,
          key: keyTextOf(index, i)!,
          timestamp: index.timestamps[i]!,
          sequence: index.sequences[i]!,
          headers: Object.fromEntries(decodeHeaders(headerBytesOf(index, i))),
          event: decoded.event,
        });
      }
      if (count > 0) next.set(`${topic}:${partition}`, { topic, partition, offset });
    }
    positions = [...next.values()];
  }
  return all.toSorted((a, b) => a.sequence - b.sequence);
}
