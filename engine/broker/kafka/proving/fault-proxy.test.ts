import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "../../conformance-harness.ts";
import { type Address, reachedAt } from "../wire/cluster.ts";
import { parseClusterUrl } from "../wire/cluster-url.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { until } from "./kafka-test.ts";

/** Answers each request with its correlation id and body, as a broker would: one after the other, in order. */
class EchoBroker {
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  /** Correlation ids in the order in which they came. */
  readonly seen: number[] = [];
  readonly ends: string[] = [];
  #address: Address | undefined;

  constructor() {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket)).on("error", () => this.ends.push("reset"));
      let kept = Buffer.alloc(0);
      socket.on("data", (chunk) => {
        kept = Buffer.concat([kept, chunk]);
        while (kept.length >= 12 && kept.length >= kept.readInt32BE(0) + 4) {
          const bytes = kept.subarray(0, kept.readInt32BE(0) + 4);
          kept = kept.subarray(bytes.length);
          this.seen.push(bytes.readInt32BE(8));
          const answer = Buffer.concat([Buffer.alloc(4), bytes.subarray(8)]);
          answer.writeInt32BE(answer.length - 4);
          socket.write(answer);
        }
      });
      socket.on("end", () => {
        this.ends.push("end");
        socket.end();
      });
    });
  }

  /** Known when it listens. */
  get address(): Address {
    return (this.#address ??= { host: "127.0.0.1", port: (this.server.address() as AddressInfo).port });
  }
}

const produce = 0;
const endTxn = 26;

function request(api: number, correlationId: number, body: string | Buffer = ""): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(12), Buffer.from(body as string)]);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt16BE(api, 4);
  bytes.writeInt32BE(correlationId, 8);
  return bytes;
}

/** A client's end, which keeps what it hears. */
class Caller {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  closed: "no" | "ended" | "reset" = "no";

  constructor(proxy: FaultProxy, address: Address) {
    this.socket = connect({ ...proxy.via(address), allowHalfOpen: true });
    this.socket.on("data", (chunk) => this.chunks.push(chunk));
    this.socket.on("error", () => (this.closed = "reset"));
    this.socket.on("end", () => (this.closed = "ended"));
  }

  /** Correlation ids of whole answers. */
  get answers(): number[] {
    const bytes = Buffer.concat(this.chunks);
    const ids: number[] = [];
    for (let at = 0; at + 8 <= bytes.length; at += bytes.readInt32BE(at) + 4) ids.push(bytes.readInt32BE(at + 4));
    return ids;
  }

  async hears(...ids: readonly number[]): Promise<void> {
    await until(() => this.answers.length >= ids.length, 5000, `answers ${ids.join(", ")}`);
    expect(this.answers).toEqual(ids);
  }

  async ends(): Promise<void> {
    await until(() => this.closed !== "no", 5000, "the connection closed");
  }
}

let broker: EchoBroker;
let proxy: FaultProxy;
const callers: Caller[] = [];
function call(address = broker.address): Caller {
  const caller = new Caller(proxy, address);
  callers.push(caller);
  return caller;
}
beforeEach(async () => {
  broker = new EchoBroker();
  broker.server.listen(0, "127.0.0.1");
  await once(broker.server, "listening");
  proxy = await startFaultProxy({ addresses: 3 });
});
afterEach(async () => {
  for (const { socket } of callers.splice(0)) socket.destroy();
  for (const socket of broker.sockets) socket.destroy();
  broker.server.close();
  await proxy.close();
});

test("[K70] requests in any number of pieces, many at once, are answered in order and counted", async () => {
  const random = seededRandom("pieces");
  const ids = Array.from({ length: 300 }, (_, i) => i + 1);
  const requests = ids.map((id) => request(id % 3 === 0 ? endTxn : produce, id, Buffer.alloc(Math.floor(random() ** 3 * 4000), id)));
  const stream = Buffer.concat(requests);
  const caller = call();
  caller.socket.setNoDelay(true);
  for (let at = 0; at < stream.length;) {
    const next = at + 1 + Math.floor(random() ** 6 * 50_000);
    caller.socket.write(stream.subarray(at, next));
    at = next;
    if (random() < 0.3) await new Promise(setImmediate);
  }
  await caller.hears(...ids);
  const expected = Buffer.concat(requests.map((bytes) => Buffer.concat([bytes.subarray(0, 4), bytes.subarray(8)]))).length;
  expect(Buffer.concat(caller.chunks).length).toBe(expected);
  const { Produce, EndTxn } = proxy.counts();
  expect([Produce?.requests, Produce?.answers, EndTxn?.requests, EndTxn?.answers]).toEqual([200, 200, 100, 100]);
  expect(Produce!.requestBytes + EndTxn!.requestBytes).toBe(stream.length);
  expect(Produce!.answerBytes + EndTxn!.answerBytes).toBe(expected);
  proxy.resetCounts();
  expect(proxy.counts()).toEqual({});
});

test("[K71] undone: the broker never sees the request nor what came behind it; what came before it is answered", async () => {
  const loss = proxy.loseAnswer({ api: "EndTxn", outcome: "undone" });
  const caller = call();
  caller.socket.write(Buffer.concat([request(produce, 1), request(produce, 2), request(endTxn, 3), request(produce, 4)]));
  await caller.ends();
  expect([caller.answers, broker.seen, loss.left]).toEqual([[1, 2], [1, 2], 0]);
  const again = call();
  again.socket.write(request(endTxn, 5));
  await again.hears(5);
});

test("[K71] undone, with nothing before it, closes the connection at once", async () => {
  proxy.loseAnswer({ api: "EndTxn", outcome: "undone", times: 2 });
  for (const id of [1, 2]) {
    const caller = call();
    caller.socket.write(request(endTxn, id, Buffer.alloc(100_000)));
    await caller.ends();
    expect(caller.answers).toEqual([]);
  }
  expect(broker.seen).toEqual([]);
});

test("[K71] done: the broker has done it when the connection closes; nothing behind it passes", async () => {
  const loss = proxy.loseAnswer({ api: "EndTxn", outcome: "done", times: 2 });
  for (const id of [10, 20]) {
    const caller = call();
    caller.socket.write(Buffer.concat([request(produce, id), request(endTxn, id + 1, Buffer.alloc(300_000)), request(produce, id + 2)]));
    await caller.ends();
    expect(caller.answers).toEqual([id]);
  }
  expect([broker.seen, loss.left]).toEqual([[10, 11, 20, 21], 0]);
  expect(proxy.counts()["EndTxn"]).toMatchObject({ requests: 2, answers: 2 });
});

test("[K72] a listener is called before its request passes, and at an answer before that passes", async () => {
  const events: string[] = [];
  const caller = call();
  const held = Promise.withResolvers<void>();
  const stop = proxy.onRequest("EndTxn", ({ correlationId, node }) => {
    events.push(`request ${correlationId} to ${node.port === broker.address.port}, broker saw ${broker.seen.join()}`);
    return held.promise;
  });
  proxy.onAnswer("EndTxn", ({ correlationId }) => events.push(`answer ${correlationId}, broker saw ${broker.seen.join()}`));
  caller.socket.write(request(produce, 1));
  await caller.hears(1);
  caller.socket.write(Buffer.concat([request(endTxn, 2), request(produce, 3)]));
  await until(() => events.length > 0, 5000, "the listener was called");
  await caller.hears(1);
  held.resolve();
  await caller.hears(1, 2, 3);
  stop();
  caller.socket.write(request(endTxn, 4));
  await caller.hears(1, 2, 3, 4);
  expect(events).toEqual(["request 2 to true, broker saw 1", "answer 2, broker saw 1,2,3", "answer 4, broker saw 1,2,3,4"]);
  expect(() => proxy.onRequest("EndTransaction", () => undefined)).toThrow("Kafka has no request EndTransaction");
});

test("[K73] cut resets what is open and what comes, of all brokers or of one; heal lets it pass", async () => {
  const other = new EchoBroker();
  other.server.listen(0, "127.0.0.1");
  await once(other.server, "listening");
  const [one, two] = [call(), call(other.address)];
  one.socket.write(request(produce, 1));
  two.socket.write(request(produce, 2));
  await Promise.all([one.hears(1), two.hears(2)]);
  proxy.cut(other.address);
  await two.ends();
  expect(two.closed).toBe("reset");
  one.socket.write(request(produce, 3));
  await one.hears(1, 3);
  const refused = call(other.address);
  await refused.ends();
  proxy.cut();
  await one.ends();
  await until(() => proxy.connections === 0, 5000, "no connection is left");
  proxy.heal();
  const healed = call(other.address);
  healed.socket.write(request(produce, 4));
  await healed.hears(4);
  healed.socket.destroy();
  other.server.close();
});

test("[K73] stall lets nothing pass and tells nobody; heal lets pass what waited", async () => {
  const caller = call();
  caller.socket.write(request(produce, 1));
  await caller.hears(1);
  proxy.stall();
  caller.socket.write(request(produce, 2));
  const late = call();
  late.socket.write(request(produce, 3));
  await until(() => proxy.connections === 2, 5000, "both connections are open");
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
  expect([broker.seen, caller.answers, caller.closed, late.closed]).toEqual([[1], [1], "no", "no"]);
  proxy.heal();
  await Promise.all([caller.hears(1, 2), late.hears(3)]);
});

test("[K73] delay makes each answer later and keeps many under way at once", async () => {
  const caller = call();
  caller.socket.write(request(produce, 1));
  await caller.hears(1);
  proxy.delay(500);
  const ids = Array.from({ length: 20 }, (_, i) => i + 2);
  const start = performance.now();
  for (const id of ids) {
    caller.socket.write(request(produce, id));
    await new Promise(setImmediate);
  }
  await caller.hears(1, ...ids);
  const took = performance.now() - start;
  expect(took).toBeGreaterThanOrEqual(499);
  expect(took).toBeLessThan(9000);
});

test("[K70] a half-closed connection still gets its answers, a broken one is passed on, a broker that is away resets", async () => {
  const caller = call();
  caller.socket.end(Buffer.concat([request(produce, 1), request(produce, 2, Buffer.alloc(500_000))]));
  await caller.hears(1, 2);
  await caller.ends();
  expect([caller.closed, broker.ends]).toEqual(["ended", ["end"]]);
  const broken = call();
  broken.socket.write(request(produce, 3));
  await broken.hears(3);
  broken.socket.resetAndDestroy();
  await until(() => broker.sockets.size === 0 && proxy.connections === 0, 5000, "nobody is connected");
  const dropped = call();
  dropped.socket.write(request(produce, 4));
  await dropped.hears(4);
  for (const socket of broker.sockets) socket.destroy();
  await dropped.ends();
  const { address } = broker;
  broker.server.close();
  await once(broker.server, "close");
  const refused = call(address);
  await refused.ends();
  expect(refused.closed).toBe("reset");
});

/** What a socket has given away, once that grows no more. */
async function givenAway(socket: Socket): Promise<number> {
  let before = -1;
  return until(
    async () => {
      const now = socket.bytesWritten - socket.writableLength;
      const same = now === before;
      before = now;
      await sleep(200);
      return same && now > 0 && now;
    },
    10_000,
    "the sender is stopped",
  );
}

test("[K74] a side that does not read stops the other: what waits in between is bounded", async () => {
  const requests = 100;
  const ids = Array.from({ length: requests }, (_, i) => i);
  const body = Buffer.alloc(1 << 20, 7);
  const kernel = 40 << 20;
  const caller = call();
  await until(() => broker.sockets.size === 1, 5000, "the broker has a connection");
  const [behind] = broker.sockets;
  behind!.pause();
  for (const id of ids) caller.socket.write(request(produce, id, body));
  expect(await givenAway(caller.socket)).toBeLessThan(kernel);
  caller.socket.pause();
  behind!.resume();
  await until(() => broker.seen.length === requests, 20_000, "all requests came");
  expect(await givenAway(behind!)).toBeLessThan(kernel);
  caller.socket.resume();
  await until(() => proxy.counts()["Produce"]?.answers === requests, 20_000, "all answers came");
  await until(() => caller.chunks.reduce((sum, { length }) => sum + length, 0) === requests * (body.length + 8), 5000, "all bytes came");
  await caller.hears(...ids);
});

test("[K74] thousands of connections come and go, however they end, and none is left", async () => {
  const random = seededRandom("connections");
  const gone: Promise<unknown>[] = [];
  for (let i = 0; i < 3000; i++) {
    const caller = new Caller(proxy, broker.address);
    gone.push(new Promise((closed) => caller.socket.once("close", closed)));
    caller.socket.write(request(produce, i).subarray(0, random() < 0.2 ? 7 : 12));
    const end = random();
    if (end < 0.4) caller.socket.end();
    else if (end < 0.7) caller.socket.once("connect", () => caller.socket.resetAndDestroy());
    else if (end < 0.9) caller.socket.once("data", () => caller.socket.destroy()).once("connect", () => caller.socket.end());
    else caller.socket.destroy();
    if (i % 50 === 49) await Promise.all(gone.splice(0));
  }
  await Promise.all(gone);
  await until(() => proxy.connections === 0 && broker.sockets.size === 0, 10_000, "no connection is left");
});

test("[K70] more brokers than it was started for, and what is not Kafka, are told", async () => {
  for (const port of [1, 2, 3]) proxy.via({ host: "broker", port });
  expect(proxy.via({ host: "broker", port: 2 })).toEqual(proxy.via({ host: "broker", port: 2 }));
  const brokers = [1, 2, 3].map((port) => ({ host: "broker", port }));
  const settings = parseClusterUrl("kafka://broker:1", { MILLRACE_KAFKA_VIA: proxy.variable(brokers) });
  expect(brokers.map((broker) => reachedAt(settings, broker))).toEqual(brokers.map(proxy.via));
  expect(() => proxy.via({ host: "broker", port: 4 })).toThrow("broker:4 is one broker more");
  const strict = await startFaultProxy({ addresses: 1 });
  const caller = new Caller(strict, broker.address);
  caller.socket.write("GET / HTTP/1.1\r\n\r\n");
  await caller.ends();
  await expect(strict.close()).rejects.toMatchObject({ cause: expect.any(RangeError) });
});
