import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { BrokerError } from "#broker/broker-error.ts";
import { asBrokerError } from "../as-broker-error.ts";
import { KafkaClient } from "./kafka-client.ts";
import { bug, KafkaError, network } from "./kafka-error.ts";
import { metadataV12, Writer } from "./kafka-library.ts";
import { persist } from "./persist.ts";

/** A client of a server that does as told with whoever connects; no broker is needed to lose one. */
async function clientOf(take: (socket: Socket) => void, requestTimeoutMs = 30_000): Promise<KafkaClient> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    take(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new KafkaClient({ bootstrap: [{ host: "127.0.0.1", port }], clientId: "test" }, "persist", { requestTimeoutMs });
  onTestFinished(async () => {
    await client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return client;
}

const metadata = (client: KafkaClient): Promise<unknown> => client.ask("any", metadataV12.api, [[], false, false], "metadata");
/** How often it was tried within the time, and what was thrown in the end. */
async function tried(attempt: () => Promise<unknown>, forMs = 200): Promise<{ readonly tries: number; readonly error: unknown }> {
  let tries = 0;
  const error = await persist("asking", { forMs }, () => {
    tries++;
    return attempt();
  }).catch((thrown: unknown) => thrown);
  return { tries, error };
}

describe("[K127] what befalls a line is tried again", () => {
  const rough: Readonly<Record<string, (socket: Socket) => void>> = {
    "closed when it is opened": (socket) => socket.end(),
    "reset when a request comes": (socket) => socket.once("data", () => socket.resetAndDestroy()),
    "closed within an answer": (socket) => socket.once("data", () => socket.end(Buffer.from([0, 0, 1, 0, 0, 0]))),
    "answering what nobody asked": (socket) => socket.once("data", () => socket.write(Buffer.from([0, 0, 0, 5, 0, 0, 9, 9, 0]))),
  };
  for (const [how, take] of Object.entries(rough)) {
    test(how, async () => {
      const client = await clientOf(take);
      const { tries, error } = await tried(() => metadata(client));
      expect(error).toMatchObject({ ids: [network] });
      expect(tries).toBeGreaterThan(1);
    });
  }

  test("silent", async () => {
    const client = await clientOf(() => undefined, 50);
    expect(await tried(() => metadata(client), 300)).toMatchObject({ error: { ids: [network] } });
  });

  test("nobody there, no such host", async () => {
    for (const host of ["127.0.0.1", "nowhere.invalid"]) {
      const client = new KafkaClient({ bootstrap: [{ host, port: 9 }], clientId: "test" }, "persist");
      onTestFinished(() => client.close());
      const { tries, error } = await tried(() => metadata(client));
      expect(error).toMatchObject({ ids: [network] });
      expect(tries).toBeGreaterThan(1);
    }
  });
});

describe("[K127] what is no trouble of a line or a broker is a bug: never tried again, and shown as it was thrown", () => {
  /** One metadata answer that is no more than its header. */
  const answering = (): Promise<KafkaClient> =>
    clientOf((socket) =>
      socket.on("data", (bytes) => socket.write(Buffer.concat([Buffer.from([0, 0, 0, 5]), bytes.subarray(8, 12), Buffer.from([0])]))),
    );

  test("of the attempt itself", async () => {
    for (const mistake of [new TypeError("undefined is no function"), new RangeError("no such index"), new Error("what?")]) {
      const { tries, error } = await tried(() => Promise.reject(mistake));
      expect(tries).toBe(1);
      expect(error).toMatchObject({ ids: [bug], message: expect.stringContaining(mistake.message) as string });
      expect(asBrokerError(error)).toBe(mistake);
    }
    const word = new BrokerError("BROKER_CORRUPT", "judged already");
    expect(await tried(() => Promise.reject(word))).toEqual({ tries: 1, error: word });
  });

  test("of who makes a request", async () => {
    const client = await answering();
    const mistake = new TypeError("no bytes");
    const payload = (): Writer => {
      throw mistake;
    };
    const { tries, error } = await tried(() => client.send("any", { key: 3, version: 12, payload, parse: () => undefined }, "metadata"));
    expect(tries).toBe(1);
    expect(asBrokerError(error)).toBe(mistake);
  });

  test("of who reads an answer: one that is not as the protocol has it", async () => {
    const client = await answering();
    const { tries, error } = await tried(() => metadata(client));
    expect(error).toBeInstanceOf(KafkaError);
    expect(error).toMatchObject({ ids: [bug], cause: { message: "Out of bounds." } });
    expect(tries).toBe(1);
  });
});
