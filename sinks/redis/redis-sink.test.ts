import { createClient, type RedisClientType } from "@redis/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Delivery } from "@millrace/engine";
import { sinkConformance, type SinkFault, type SinkHarness } from "#engine/delivery/conformance.ts";
import { deliveryOf } from "../proving/delivery-of.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { deliverThroughKills } from "../proving/killed-delivery.ts";
import { redisProgram, type RedisServer, startRedis } from "../proving/redis-server.ts";
import { TcpProxy } from "../proving/tcp-proxy.ts";
import { type RedisEntry, RedisSink, type RedisSinkOptions } from "./redis-sink.ts";

const never = new AbortController().signal;
const text = ({ key, value }: Delivery): RedisEntry => ({ key: key!, value: value === null ? null : Buffer.from(value).toString() });

// In CI nothing is skipped: there the tests themselves say what is missing.
describe.skipIf(redisProgram === undefined && !process.env["CI"])("a Redis server (needs redis-server, Debian's package)", () => {
  let server: RedisServer;
  let client: RedisClientType;
  beforeAll(async () => {
    server = await startRedis();
    client = createClient({ url: server.url });
    await client.connect();
  }, 60_000);
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });

  const permit = (...keys: readonly string[]) => client.sendCommand(["ACL", "SETUSER", "default", "resetkeys", ...keys]);

  let opened = 0;
  sinkConformance("redis: the laws of delivery", async (): Promise<SinkHarness> => {
    const proxy = await TcpProxy.open(server.port, (bytes) => bytes.includes("EVALSHA"));
    const prefix = `sunk:${++opened}:`;
    const sink = new RedisSink({ url: `redis://127.0.0.1:${proxy.port}`, prefix, render: text, callMs: 250 });
    let fault: SinkFault = "none";
    return {
      sink,
      keeps: "newest",
      behave: async (next) => {
        if (fault === "refuses") await permit("~*");
        if (fault === "busy") await client.configSet("maxmemory", "0");
        fault = next;
        if (next === "refuses") await permit(`~${prefix}k*`, "~millrace:*");
        if (next === "busy") await client.configSet("maxmemory", "1");
        const states = { down: "cut", hangs: "stall", cuts: "mute" } as const;
        proxy.enter(next in states ? states[next as keyof typeof states] : "open");
      },
      effects: async () => {
        const keys = await client.keys(`${prefix}*`);
        const values = await Promise.all(keys.map((key) => client.get(key)));
        return keys.flatMap((key, i) => {
          const value = values[i] ?? null;
          return value === null ? [] : [{ key: key.slice(prefix.length), value }];
        });
      },
      close: () => proxy.close(),
    };
  });

  test("[D30][D31] after ten kills in the middle Redis has the last value of each key, and no other", { timeout: 480_000 }, async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const prefix = "killed:";
    const wanted = await deliverThroughKills({ url: server.url, name: prefix, kills: 10 }, () => random.between(1, 12));
    const keys = await client.keys(`${prefix}*`);
    const found = await Promise.all(keys.map(async (key) => [key.slice(prefix.length), await client.get(key)] as const));
    expect(new Map(found), `SEED=${seed}`).toEqual(wanted);
    expect(wanted.size).toBeGreaterThan(0);
  });

  describe("the laws of read models", () => {
    const sinks: RedisSink[] = [];
    beforeEach(async () => {
      await client.flushAll();
    });
    afterEach(() => Promise.all(sinks.splice(0).map((sink) => sink.close())));

    const open = (options: Partial<RedisSinkOptions> = {}): RedisSink => {
      const sink = new RedisSink({ url: server.url, prefix: "p:", render: text, ...options });
      sinks.push(sink);
      return sink;
    };
    const delivered = { kind: "delivered" };

    test("[D30] one call writes, overwrites and deletes", async () => {
      const sink = open();
      await sink.deliver([deliveryOf(1, "a", "1"), deliveryOf(2, "b", "1")], never);
      const results = await sink.deliver([deliveryOf(3, "a", "2"), deliveryOf(4, "b", null), deliveryOf(5, "c", "{}")], never);
      expect(results).toEqual([delivered, delivered, delivered]);
      expect(await client.mGet(["p:a", "p:b", "p:c"])).toEqual(["2", null, "{}"]);
    });

    test("[D30] a hash has the fields of its last record and no others, and may take a string's place", async () => {
      const values: RedisEntry["value"][] = ["text", { a: "1", b: "2" }, { b: "3", "": "ü" }];
      const sink = open({ render: ({ key, at }) => ({ key: key!, value: values[Number(at.offset)]! }) });
      for (const offset of [0, 1, 2]) expect(await sink.deliver([deliveryOf(offset, "h", "")], never)).toEqual([delivered]);
      expect({ ...(await client.hGetAll("p:h")) }).toEqual({ b: "3", "": "ü" });
    });

    test("[D31] an older record neither overwrites nor deletes a newer one, nor brings back what was deleted", async () => {
      const sink = open();
      await sink.deliver([deliveryOf(9, "a", "new"), deliveryOf(10, "b", "new")], never);
      await sink.deliver([deliveryOf(11, "b", null)], never);
      const results = await sink.deliver([deliveryOf(3, "a", "old"), deliveryOf(4, "b", "old")], never);
      expect(results).toEqual([delivered, delivered]);
      await sink.deliver([deliveryOf(5, "a", null)], never);
      expect(await client.mGet(["p:a", "p:b"])).toEqual(["new", null]);
    });

    test("[D31] a redriven record overwrites nothing newer than what it was at first", async () => {
      const sink = open();
      await sink.deliver([deliveryOf(4, "a", "new"), deliveryOf(2, "b", "old")], never);
      const redriven = [deliveryOf(9, "a", "redriven"), deliveryOf(10, "b", "redriven")].map((one) => ({ ...one, order: 3n }));
      expect(await sink.deliver(redriven, never)).toEqual([delivered, delivered]);
      expect(await client.mGet(["p:a", "p:b"])).toEqual(["new", "redriven"]);
      await sink.deliver([deliveryOf(5, "b", "newer")], never);
      expect(await client.mGet(["p:a", "p:b"])).toEqual(["new", "newer"]);
    });

    test("[D31] another partition, and a topic made anew under another origin, overwrite whatever the offsets say", async () => {
      await open({ origin: "first:" }).deliver([deliveryOf(9, "a", "1"), deliveryOf(10, "b", "1")], never);
      await open({ origin: "second:" }).deliver([deliveryOf(0, "a", "2")], never);
      await open({ origin: "first:" }).deliver([{ ...deliveryOf(0, "b", "2"), at: { topic: "t", partition: 1, offset: 0n } }], never);
      expect(await client.mGet(["p:a", "p:b"])).toEqual(["2", "2"]);
    });

    test("[D32] a key lives as long as it is told behind its last record, and what stands beside it no longer", async () => {
      await open({ ttlMs: 60_000 }).deliver([deliveryOf(1, "a", "1")], never);
      await open().deliver([deliveryOf(1, "b", "1")], never);
      const lives = await Promise.all(["p:a", "millrace:at:p:a", "p:b", "millrace:at:p:b"].map((key) => client.pTTL(key)));
      for (const life of lives.slice(0, 2)) expect(life).toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000);
      expect(lives.slice(2)).toEqual([-1, -1]);
    });

    test("[D33] what cannot be rendered is refused, and the others are written", async () => {
      const render = (each: Delivery): RedisEntry => (each.key === "b" ? { key: "b", value: {} } : text(each));
      const results = await open({ render }).deliver([deliveryOf(1, "a", "1"), deliveryOf(2, "b", "1")], never);
      expect(results).toEqual([delivered, { kind: "refused", reason: "unrenderable", answer: "a hash has at least one field" }]);
    });

    test("[D33] a record's key that is one of the sink's own marks is refused: it would say which of others' records are old", async () => {
      const sink = open({ prefix: "" });
      await sink.deliver([deliveryOf(5, "a", "1")], never);
      const mark = await client.get("millrace:at:a");
      const [result] = await sink.deliver([deliveryOf(6, "millrace:at:a", "forged")], never);
      expect(result).toMatchObject({ kind: "refused", reason: "unrenderable" });
      expect(await client.get("millrace:at:a")).toBe(mark);
    });

    test("[D33] a line that breaks before the answer leaves it open whether the record was taken", async () => {
      const sink = open();
      await sink.deliver([deliveryOf(1, "a", "1")], never);
      const under = sink.deliver([deliveryOf(2, "a", "2")], never);
      await client.sendCommand(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
      const [cut] = await under;
      // It may have come through before.
      if (cut?.kind !== "delivered") expect(cut).toMatchObject({ kind: "retry", unanswered: true });
    });

    test("[D33] a server that has forgotten the script is told it again", async () => {
      const sink = open();
      await sink.deliver([deliveryOf(1, "a", "1")], never);
      await client.scriptFlush();
      expect(await sink.deliver([deliveryOf(2, "a", "2")], never)).toMatchObject([{ kind: "retry" }]);
      expect(await sink.deliver([deliveryOf(2, "a", "2")], never)).toEqual([delivered]);
    });

    test("[D33] a right that is missing for the command is nobody's fault, one for the key is the record's", async () => {
      const sink = open();
      await sink.deliver([deliveryOf(1, "a", "1")], never);
      await client.sendCommand(["ACL", "SETUSER", "default", "-evalsha"]);
      const [first] = await sink.deliver([deliveryOf(2, "a", "2")], never);
      await client.sendCommand(["ACL", "SETUSER", "default", "+@all"]);
      await permit("~p:b", "~millrace:*");
      const [second] = await sink.deliver([deliveryOf(2, "a", "2")], never);
      await permit("~*");
      expect(first).toMatchObject({ kind: "retry" });
      expect(second).toMatchObject({ kind: "refused", reason: "redis-NOPERM" });
    });
  });
});

describe("the URL of Redis", () => {
  test.each([
    ["nonsense", "REDIS_URL_MALFORMED"],
    ["http://localhost", "REDIS_URL_MALFORMED"],
    ["redis://localhost/name", "REDIS_URL_MALFORMED"],
    ["redis://:secret@cache.example:6379", "REDIS_CLEAR_TEXT"],
  ])("[D34] %s is refused with %s, and nothing secret is told", (url, code) => {
    const make = () => new RedisSink({ url, prefix: "", render: text });
    expect(make).toThrow(expect.objectContaining({ code }) as Error);
    expect(make).not.toThrow(/secret/);
  });

  test.each(["redis://localhost", "redis://:secret@127.0.0.1:6379/2", "rediss://:secret@cache.example", "redis://cache.example"])(
    "[D34] %s is taken",
    (url) => {
      expect(() => new RedisSink({ url, prefix: "", render: text })).not.toThrow();
    },
  );
});
