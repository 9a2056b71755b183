import { once } from "node:events";
import { connect } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { metricNames } from "./metrics.ts";
import { problems } from "./problem.ts";
import { carted, viewed } from "./testing/sample-events.ts";
import { openTestGateway, type TestGateway } from "./testing/test-gateway.ts";

// One gateway for all: what hurts it in one test is seen in the next.
let gateway: TestGateway;
let neighbours = 0;
beforeAll(async () => {
  gateway = await openTestGateway({
    limits: { bodyIdleMs: 300, bodyTotalMs: 900, headersTimeoutMs: 1000, wireBytes: 200_000, decodedBytes: 400_000, eventBytes: 65_536 },
  });
});
afterAll(() => gateway.close());
/** Whatever came before, the next good event is stored. */
afterEach(async () => {
  const answer = await gateway.post(viewed(`good-${neighbours++}`));
  expect(answer.status, answer.text).toBe(200);
});

const head = (more: readonly string[] = [], line = "POST /v1/events HTTP/1.1"): string =>
  [line, `Host: 127.0.0.1:${gateway.port}`, "Authorization: Bearer sk_test", "Content-Type: application/json", ...more, "", ""].join(
    "\r\n",
  );
const statusOf = (raw: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(raw)?.[1]);
const good = JSON.stringify(viewed("inside"));
const codeOf = (answer: Awaited<ReturnType<TestGateway["post"]>>): string | undefined => answer.json?.results?.[0]?.code;

describe("bodies (§9 rows 1–20, 26)", () => {
  test.each([
    ["trailing comma", "[{},]", 400, "malformed-json"],
    ["truncated", good.slice(0, -1), 400, "malformed-json"],
    ["NaN", '{"a":NaN}', 400, "malformed-json"],
    ["Infinity", '{"a":-Infinity}', 400, "malformed-json"],
    ["JavaScript", "{a:1}", 400, "malformed-json"],
    ["a comment", `/* */${good}`, 400, "malformed-json"],
    ["two values", `${good}${good}`, 400, "malformed-json"],
    ["NUL behind", `${good}\0`, 400, "malformed-json"],
    ["depth 100,000", "[".repeat(100_000), 400, "too-deep"],
    ["depth of objects", '{"a":'.repeat(20_000), 400, "too-deep"],
    ["nothing", "", 400, "empty-batch"],
    ["no events", "[]", 400, "empty-batch"],
    ["a number", "1", 400, "unexpected-body"],
    ["a text", '"x"', 400, "unexpected-body"],
    ["1,001 events", `[${Array.from({ length: 1001 }, () => "{}").join()}]`, 413, "payload-too-large"],
    ["over the wire's limit", " ".repeat(200_001), 413, "payload-too-large"],
  ] as const)("[G1] %s", async (_, body, status, slug) => {
    const answer = await gateway.post(body);
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json).toMatchObject({ type: `/problems/${slug}`, title: problems[slug].title, status, docs: `/problems/${slug}` });
    expect(answer.json!.requestId).toMatch(/^[0-9a-f-]{36}$/);
    if (status === 413) expect(answer.json!.limits!["events"]).toBe(1000);
  });

  test.each([
    ["overlong UTF-8", Buffer.from([0x22, 0xc0, 0xa0, 0x22])],
    ["a surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["cut UTF-8", Buffer.from([0x22, 0xe2, 0x82])],
    ["bytes", Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ["gzip of gzip", gzipSync(gzipSync(good))],
  ])("[G1] not UTF-8: %s", async (name, body) => {
    const answer = await gateway.post(body, name.startsWith("gzip") ? { "content-encoding": "gzip" } : {});
    expect(answer.json!.type).toBe("/problems/invalid-utf8");
  });

  test.each([
    ["UTF-16", { "content-type": "application/json; charset=utf-16" }, 415],
    ["latin1", { "content-type": "application/json;charset=latin1" }, 415],
    ["XML", { "content-type": "text/xml" }, 415],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["gzip twice", { "content-encoding": "gzip, gzip" }, 415],
    ["an unknown coding", { "content-encoding": "lzma" }, 415],
    ["gzip in name only", { "content-encoding": "gzip" }, 400],
    ["brotli in name only", { "content-encoding": "br" }, 400],
  ])("[G2] %s", async (_, headers, status) => {
    const answer = await gateway.post(good, headers);
    expect(answer.status).toBe(status);
    if (status === 415) expect(answer.headers["accept-post"] ?? answer.headers["accept-encoding"]).toBeTruthy();
  });

  test("[G2] bombs are refused at the cap of the output: 100 MiB by gzip, 100 MiB in a few bytes of brotli", async () => {
    for (const [coding, bomb] of [
      ["gzip", gzipSync(Buffer.alloc(104_857_600))],
      ["br", brotliCompressSync(Buffer.alloc(104_857_600))],
    ] as const) {
      const answer = await gateway.post(bomb, { "content-encoding": coding });
      expect(answer.status).toBe(413);
      expect(answer.json).toMatchObject({ scope: "decodedBytes", limit: 400_000 });
    }
  });

  test("[G3] the wire's limit holds at N and refuses at N + 1, with a length and in chunks", async () => {
    for (const [bytes, status] of [
      [199_999, 400],
      [200_000, 400],
      [200_001, 413],
    ] as const) {
      expect((await gateway.post(" ".repeat(bytes))).status).toBe(status);
      const chunks = Array.from({ length: Math.ceil(bytes / 10_000) }, (_, i) => Math.min(10_000, bytes - i * 10_000));
      const body = chunks.map((size) => `${size.toString(16)}\r\n${" ".repeat(size)}\r\n`).join("");
      expect(statusOf(await gateway.raw(`${head(["Transfer-Encoding: chunked", "Connection: close"])}${body}0\r\n\r\n`))).toBe(status);
    }
  });

  test("[G3] one event of 64 KiB and a byte is rejected alone", async () => {
    const pad = (bytes: number): string => {
      const event = JSON.stringify(viewed(`pad-${bytes}`));
      return `${event.slice(0, -1)}${" ".repeat(bytes - event.length)}}`;
    };
    const answer = await gateway.post(`[${pad(65_535)},${pad(65_536)},${pad(65_537)}]`);
    expect(answer.json!.results!.map(({ status, code }) => code ?? status)).toEqual(["accepted", "accepted", "event_too_large"]);
  });
});

describe("values (§9 rows 4–13, 27, 28, 36, 37)", () => {
  const raw = (field: string): string => JSON.stringify(carted("e", { data: "@" })).replace('"@"', field);
  const cart = (unit: string, quantity = "1"): string =>
    raw(`{"cartId":"c","sku":"A","quantity":${quantity},"unitPrice":{"amount":${unit},"currency":"EUR"}}`);
  test.each([
    ["1e400", cart("1e400"), "number_out_of_range"],
    ["an unsafe integer", cart('"1"', "9007199254740993"), "number_out_of_range"],
    ["amount NaN", cart('"NaN"'), "schema_violation"],
    ["amount 1e3", cart('"1e3"'), "schema_violation"],
    ["amount -0", cart('"-0"'), "schema_violation"],
    ["no amount", cart('""'), "schema_violation"],
    ["40 digits", cart(`"${"9".repeat(40)}"`), "schema_violation"],
    ["five places", cart('"1.00001"'), "schema_violation"],
    ["quantity −1", cart('"1"', "-1"), "schema_violation"],
    ["quantity 0", cart('"1"', "0"), "schema_violation"],
    ["quantity 1.5", cart('"1"', "1.5"), "schema_violation"],
    ["quantity in quotes", cart('"1"', '"2"'), "schema_violation"],
    ["quantity true", cart('"1"', "true"), "schema_violation"],
    ["__proto__", raw('{"__proto__":{"admin":true}}'), "forbidden_key"],
    ["constructor.prototype", raw('{"constructor":{"prototype":{"admin":true}}}'), "forbidden_key"],
    ["a duplicate key", good.replace("{", '{"eventId":"other",'), "duplicate_key"],
    ["a lone surrogate", JSON.stringify(viewed("@")).replace('"@"', '"\\ud800"'), "ill_formed_string"],
    ["an array as event", "[[]]", "not_an_object"],
    ["data of another type", JSON.stringify({ ...viewed("e"), data: [] }), "schema_violation"],
  ])("[G4] %s is rejected", async (_, body, code) => {
    const answer = await gateway.post(body);
    expect(answer.status).toBe(422);
    expect(answer.json!.results![0]!.errors!.map((error) => error.code)).toContain(code);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test.each(["", "a b", "a\u0000b", "a\nb", "a\u202eb", "a\u200bb", "é", "x".repeat(65), "../x", "a/b", 7, null, {}])(
    "[G4] %j is no event id",
    async (eventId) => {
      const answer = await gateway.post({ ...viewed("x"), eventId });
      expect([answer.status, answer.json!.results![0]!.status, answer.json!.results![0]!.pointer]).toEqual([422, "rejected", "/eventId"]);
    },
  );

  test.each(["x".repeat(129), "a\nb", "a\u0000b", "a\u200bb", "\u202e", "", "a\u2028b", "x".repeat(10_000)])(
    "[G4] a session that can be no key is rejected: case %#",
    async (session) => {
      expect((await gateway.post(viewed("k", { session }))).status).toBe(422);
    },
  );

  test.each([
    "../x",
    "orders",
    "ORDER.CREATED",
    "order.created\u0000",
    "тип",
    "__proto__",
    "constructor",
    "toString",
    "",
    7,
    null,
    ["order.created"],
  ])("[G4] %j is no event type, and no topic", async (eventType) => {
    const answer = await gateway.post({ ...viewed("t"), eventType });
    expect([answer.status, answer.json!.results![0]!.pointer]).toEqual([422, "/eventType"]);
  });

  test("[G4] unknown versions are told apart from wrong ones", async () => {
    expect(codeOf(await gateway.post({ ...viewed("v"), eventVersion: "99.0.0" }))).toBe("unknown_schema");
    expect(codeOf(await gateway.post({ ...viewed("v"), eventVersion: "one" }))).toMatch(/schema/);
  });
});

describe("requests (§9 rows 21–25, 33–35, 39)", () => {
  test.each([
    ["length and chunked", ["Content-Length: 5", "Transfer-Encoding: chunked"]],
    ["two lengths", ["Content-Length: 5", "Content-Length: 6"]],
    ["a strange coding", ["Transfer-Encoding: xchunked"]],
    ["a negative length", ["Content-Length: -5"]],
    ["a length in words", ["Content-Length: five"]],
    ["space before the colon", ["Content-Length : 5"]],
    ["a folded header", ["X-A: b", " c: d", "Content-Length: 5"]],
    ["no name", [": x"]],
  ])("[G19] framing: %s is refused", async (_, lines) => {
    const status = statusOf(await gateway.raw(`${head([...lines])}12345`));
    expect([400, 413, 501]).toContain(status);
  });

  test("[G19] bare line feeds, and a chunk extension without end, are refused", async () => {
    expect(statusOf(await gateway.raw(head().replaceAll("\r\n", "\n").replace("HTTP/1.1", "HTTP/1.1 ")))).toBe(400);
    expect(statusOf(await gateway.raw(`${head(["Transfer-Encoding: chunked"])}5;${"x".repeat(50_000)}\r\n`))).toBe(413);
    expect(statusOf(await gateway.raw("GET / HTTP/9.9\r\n\r\n"))).toBe(400);
    expect(statusOf(await gateway.raw(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x0d, 0x0a])))).toBe(400);
  });

  test("[G19] two Hosts, no Host, and a Host that is not served are refused", async () => {
    const body = `Content-Length: ${good.length}\r\nConnection: close`;
    expect(statusOf(await gateway.raw(`${head(["Host: evil.example", body])}${good}`))).toBe(400);
    expect(statusOf(await gateway.raw(`POST /v1/events HTTP/1.1\r\n${body}\r\n\r\n${good}`))).toBe(400);
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.", "127.0.0.1:80:80"]) {
      expect((await gateway.post(good, { host })).status, host).toBe(403);
    }
    for (const host of ["localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.1"])
      expect((await gateway.post(viewed(`h-${host.length}`), { host })).status, host).toBe(200);
  });

  test("[G19] pages of other origins may not post", async () => {
    for (const origin of ["https://evil.example", "null", "file://", "http://127.0.0.1.evil.example"]) {
      const answer = await gateway.post(good, { origin });
      expect([answer.status, answer.json!.type], origin).toEqual([403, "/problems/origin-not-allowed"]);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
    expect((await gateway.post(viewed("own-page"), { origin: `http://localhost:${gateway.port}` })).status).toBe(200);
  });

  test.each([
    "//v1//events",
    "/v1//events",
    "/v1/%65vents",
    "/v1%2fevents",
    "/v1/./events",
    "/x/../v1/events",
    "/v1/%2e%2e/v1/events",
    "/v1/events/",
    "/V1/events",
    "/v1/events%00",
    "/v1\\events",
  ])("[G19] %s is nowhere", async (path) => {
    expect(
      statusOf(await gateway.raw(`${head([`Content-Length: ${good.length}`, "Connection: close"], `POST ${path} HTTP/1.1`)}${good}`)),
    ).toBe(404);
  });

  test("[G19] an absolute URI, a CONNECT and an unknown method lead nowhere", async () => {
    const close = [`Content-Length: ${good.length}`, "Connection: close"];
    expect(statusOf(await gateway.raw(`${head(close, `POST http://evil.example/v1/events HTTP/1.1`)}${good}`))).toBe(404);
    expect(await gateway.raw(head(["Connection: close"], "CONNECT evil.example:443 HTTP/1.1"))).not.toMatch(/^HTTP\/1\.1 (2|5)/);
    expect(statusOf(await gateway.raw(head(["Connection: close"], "FROB /v1/events HTTP/1.1")))).toBe(400);
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const answer = await gateway.send({ method, path: "/v1/events" });
      expect([answer.status, answer.headers.allow], method).toEqual([405, "POST"]);
    }
  });

  test("[G19] headers are bounded in bytes and in number, the query in bytes", async () => {
    expect(statusOf(await gateway.raw(head([`X-Big: ${"x".repeat(20_000)}`])))).toBe(431);
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `X-${i}: 1`);
    const inTime = ["Connection: close", `Content-Length: ${good.length}`];
    expect(statusOf(await gateway.raw(`${head([...inTime, ...many(96)])}${good}`))).toBe(431);
    expect(statusOf(await gateway.raw(`${head([...inTime, ...many(95)])}${good}`))).toBe(200);
    expect((await gateway.send({ path: `/v1/limits?${"q".repeat(8_193)}` })).status).toBe(414);
    expect((await gateway.send({ path: `/v1/limits?${"q".repeat(8_192)}` })).status).toBe(200);
  });

  test("[G5] no key, a wrong key, and a key where none belongs", async () => {
    for (const authorization of [
      "",
      "Bearer",
      "Bearer sk_wrong",
      "Basic c2tfdGVzdA==",
      "Bearer sk_test sk_test",
      `Bearer ${"x".repeat(5000)}`,
    ]) {
      const answer = await gateway.post(good, { authorization });
      expect([answer.status, answer.headers["www-authenticate"]], authorization).toEqual([401, "Bearer"]);
      expect(answer.text).not.toContain("sk_wrong");
    }
    expect(
      (await gateway.send({ method: "POST", path: "/v1/events?key=sk_test", headers: { authorization: "Bearer no" }, body: good })).status,
    ).toBe(401);
  });

  test("[G13] hostile trace headers and request ids change nothing", async () => {
    for (const traceparent of [`00-${"0".repeat(32)}-${"0".repeat(16)}-00`, "x".repeat(9_000), "ff-".repeat(20)]) {
      expect(
        (await gateway.post(viewed(`t-${traceparent.length}`), { traceparent, tracestate: "y".repeat(5_000), "x-request-id": "a b" }))
          .status,
      ).toBe(200);
    }
  });

  test("[G20] headers, or a body, that come too slowly are given up with 408", async () => {
    expect(statusOf(await gateway.raw("POST /v1/events HTTP/1.1\r\nHost: local"))).toBe(408);
    expect(statusOf(await gateway.raw(`${head(["Content-Length: 100"])}{"half":`))).toBe(408);
    const socket = connect(gateway.port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("error", () => undefined);
    socket.write(head(["Content-Length: 10000"]));
    const drip = setInterval(() => socket.write(" "), 50);
    await once(socket, "close");
    clearInterval(drip);
    expect(statusOf(answer)).toBe(408);
    expect(answer).toContain("/problems/request-timeout");
  });

  test("[G20] a client that leaves in mid-body leaves nothing; one that leaves before its answer is stored once", async () => {
    const leave = async (bytes: string): Promise<void> => {
      const socket = connect(gateway.port, "127.0.0.1");
      socket.on("error", () => undefined);
      await new Promise((resolve) => socket.write(bytes, resolve));
      socket.resetAndDestroy();
    };
    const left = JSON.stringify(viewed("left"));
    await leave(`${head([`Content-Length: ${left.length}`])}${left.slice(0, -5)}`);
    const gone = JSON.stringify(viewed("gone-x"));
    await leave(`${head([`Content-Length: ${gone.length}`])}${gone}`);
    await vi.waitFor(
      async () => expect((await gateway.registry.getSingleMetric(metricNames.waitingBytes)!.get()).values[0]!.value).toBe(0),
      10_000,
    );
    // A reset may overtake its own request, which then never was: sent again, the event is stored exactly once either way.
    expect((await gateway.post([viewed("left"), viewed("gone-x")])).status).toBe(200);
    const ids = (await gateway.stored()).map(({ event }) => event.eventId);
    expect(ids.filter((id) => id === "left" || id === "gone-x").toSorted()).toEqual(["gone-x", "left"]);
  });

  test("[G20] a request that asks first is told to go on only if it will be read", async () => {
    const length = `Content-Length: ${good.length}`;
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(head([length, "Expect: 100-continue", "Connection: close"]));
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 100 Continue/);
    socket.write(JSON.stringify(viewed("asked")));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.write(" ".repeat(good.length - JSON.stringify(viewed("asked")).length));
    await once(socket, "close");
    expect(statusOf(Buffer.concat(chunks).toString())).toBe(200);
    expect(statusOf(await gateway.raw(head(["Content-Length: 999999", "Expect: 100-continue", "Connection: close"])))).toBe(413);
  });

  test("[G20] pipelined requests of one connection are answered and stored in order", async () => {
    const bodies = ["p1", "p2", "p3", "p4"].map((id) => JSON.stringify(viewed(id, { session: "pipe" })));
    const zipped = gzipSync(bodies[1]!);
    const requests = bodies.map((body, i) => {
      const coding = i === 1 ? ["Content-Encoding: gzip"] : [];
      const bytes = i === 1 ? zipped : Buffer.from(body);
      return Buffer.concat([
        Buffer.from(head([`Content-Length: ${bytes.length}`, ...coding, ...(i === 3 ? ["Connection: close"] : [])])),
        bytes,
      ]);
    });
    const answers = await gateway.raw(Buffer.concat(requests));
    expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
    const ids = (await gateway.stored()).filter(({ key }) => key === "pipe").map(({ event }) => event.eventId);
    expect(ids).toEqual(["p1", "p2", "p3", "p4"]);
  });
});

test("[G3] the limits are told", async () => {
  expect((await gateway.send({ path: "/v1/limits" })).json).toMatchObject({ events: 1000, wireBytes: 200_000 });
});

test("[G6] after all this every good neighbour is on the log, once and in order", async () => {
  const ids = (await gateway.stored()).map(({ event }) => event.eventId).filter((id) => id.startsWith("good-"));
  expect(ids).toEqual(Array.from({ length: neighbours }, (_, i) => `good-${i}`));
});
