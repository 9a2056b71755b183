import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { carted, viewed } from "./testing/sample-events.ts";
import { openTestGateway, type TestGateway, type TestOptions } from "./testing/test-gateway.ts";

const opened: TestGateway[] = [];
async function open(options?: TestOptions): Promise<TestGateway> {
  const gateway = await openTestGateway(options);
  opened.push(gateway);
  return gateway;
}
afterEach(async () => {
  for (const gateway of opened.splice(0)) await gateway.close();
});

test("[G6] each event is answered in the order of the request, with the token of the place where it is stored", async () => {
  const { post, stored } = await open();
  const answer = await post([viewed("a"), carted("b"), viewed("c", { session: "s-2" })]);
  expect(answer.status).toBe(200);
  expect(answer.headers["ingest-result"]).toBe("accepted=3, duplicate=0, rejected=0, retry=0");
  const records = await stored();
  expect(answer.json!.results).toEqual(["a", "b", "c"].map((eventId, i) => ({ i, eventId, status: "accepted", token: records[i]!.token })));
  expect(records.map(({ event, key }) => [event.eventId, key])).toEqual([
    ["a", "s-1"],
    ["b", "s-1"],
    ["c", "s-2"],
  ]);
});

test("[G6] bad events are rejected with every mistake and its place, and cost their neighbours nothing", async () => {
  const { post, stored } = await open();
  const bad = carted("bad", {
    data: { cartId: "c", sku: "A", quantty: 2, unitPrice: { amount: "1e3", currency: "EUR" } },
    timestamp: "2026-02-30T00:00:00Z",
  });
  const answer = await post([viewed("a"), bad, 7, null, viewed("b"), { ...viewed("x"), eventType: "../orders" }]);
  expect(answer.status).toBe(207);
  expect(answer.headers["ingest-result"]).toBe("accepted=2, duplicate=0, rejected=4, retry=0");
  const [, explained, number] = answer.json!.results!;
  expect(explained!.errors!.map(({ pointer }) => pointer).toSorted()).toEqual(["/data/quantty", "/data/unitPrice/amount", "/timestamp"]);
  expect(explained!.errors!.find(({ pointer }) => pointer === "/data/quantty")).toMatchObject({ didYouMean: "quantity" });
  expect(number).toMatchObject({ eventId: null, status: "rejected", code: "not_an_object" });
  expect(answer.json!.results!.map(({ status, code }) => code ?? status)).toEqual([
    "accepted",
    explained!.code,
    "not_an_object",
    "not_an_object",
    "accepted",
    "unknown_schema",
  ]);
  expect((await stored()).map(({ event }) => event.eventId)).toEqual(["a", "b"]);
});

test("[G6] when every event is rejected the request is a problem, and tells each of them", async () => {
  const { post } = await open();
  const answer = await post({ ...viewed("a"), data: {} });
  expect(answer.status).toBe(422);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(answer.json).toMatchObject({
    type: "/problems/all-events-rejected",
    results: [{ i: 0, eventId: "a", status: "rejected", pointer: "/data/sku" }],
  });
});

test("[G6] return=minimal leaves accepted rows out", async () => {
  const { post } = await open();
  const answer = await post([viewed("a"), { ...viewed("b"), data: {} }, viewed("c")], { prefer: "return=minimal" });
  expect(answer.json!.results!.map(({ i }) => i)).toEqual([1]);
});

test("[G1] one, an array, a wrapper and lines, plain or compressed, are stored alike", async () => {
  const { post, stored } = await open();
  const events = [viewed("a"), viewed("b")];
  const lines = `\ufeff${JSON.stringify(viewed("c"))}\n{broken\n\n${JSON.stringify(viewed("d"))}`;
  expect((await post(events)).status).toBe(200);
  expect((await post({ events: [viewed("e")], sentAt: new Date().toISOString() })).status).toBe(200);
  const ndjson = await post(lines, { "content-type": "application/x-ndjson" });
  expect(ndjson.json!.results!.map(({ status, code }) => code ?? status)).toEqual(["accepted", "malformed_json", "accepted"]);
  expect((await post(gzipSync(JSON.stringify(viewed("f"))), { "content-encoding": "gzip" })).status).toBe(200);
  expect((await stored()).map(({ event }) => event.eventId)).toEqual(["a", "b", "e", "c", "d", "f"]);
});

test("[G10] a developer's curl needs no content type, id, time, source or version, and is told what was filled in", async () => {
  const { send, stored } = await open({ nowMs: () => Date.parse("2026-11-21T09:00:00.000Z") });
  const body = JSON.stringify({
    type: "cart.item_added",
    sessionid: "s1",
    data: { cartId: "c1", sku: "A", quantity: 1, unitPrice: { currency: "EUR", amount: "9.90" } },
  });
  const curl = { method: "POST", path: "/v1/events", body };
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const refused = await send({ ...curl, headers });
  expect(refused.status).toBe(415);
  expect(refused.text).toContain("application/x-www-form-urlencoded is not read here: send application/json");
  expect((await send({ ...curl, headers: { "content-type": "application/json" } })).status).toBe(422);
  const answer = await send({ ...curl, headers: { ...headers, authorization: "Bearer sk_dev" } });
  expect(answer.status, answer.text).toBe(200);
  const filled = answer.json!.results![0]!.warnings!.map(({ code, pointer }) => `${code} ${pointer}`);
  expect(filled).toEqual(
    ["eventType", "metadata", "eventId", "timestamp", "source", "eventVersion"].map((name) => `default_filled /${name}`),
  );
  const [record] = await stored();
  expect(record).toMatchObject({
    key: "s1",
    timestamp: Date.parse("2026-11-21T09:00:00.000Z"),
    event: { source: "developer", data: { quantity: 1 } },
  });
});

test("[G10] a developer who misspelt the type is told that, and nothing of what would have been filled in", async () => {
  const { send } = await open();
  const headers = { authorization: "Bearer sk_dev" };
  const answer = await send({
    method: "POST",
    path: "/v1/events",
    headers,
    body: JSON.stringify({ eventType: "cart.item_add", data: {} }),
  });
  expect(answer.status).toBe(422);
  expect(answer.json!.results![0]!.errors).toMatchObject([{ pointer: "/eventType", didYouMean: "cart.item_added" }]);
});

test("[G12] a time far ahead counts as now and is told; a wrong clock is put right by sentAt; times before 1970 are refused", async () => {
  const now = Date.parse("2026-11-21T09:00:00.000Z");
  const { post, stored } = await open({ nowMs: () => now });
  const at = (eventId: string, timestamp: string): object => viewed(eventId, { timestamp });
  const first = await post([
    at("past", "2011-04-01T08:00:00Z"),
    at("ahead", "9999-12-31T23:59:59Z"),
    at("minute", "2026-11-21T10:01:00+01:00"),
    at("before", "1969-12-31T23:59:59.999Z"),
    at("leap", "2016-12-31T23:59:60Z"),
    at("zone", "2026-11-21T09:00:00"),
    at("far", "+275760-09-13T00:00:00.000Z"),
    at("number", 7 as unknown as string),
  ]);
  expect(first.json!.results!.map(({ status, code, warnings }) => code ?? warnings?.[0]?.code ?? status)).toEqual([
    "accepted",
    "clock_skew",
    "accepted",
    "invalid_time",
    "invalid_time",
    "invalid_time",
    "invalid_time",
    expect.stringMatching(/invalid_time|schema_violation/),
  ]);
  const skewed = await post({ sentAt: "2026-11-21T12:00:00.000Z", events: [at("skewed", "2026-11-21T11:59:00Z")] });
  expect(skewed.json).toMatchObject({ skewMs: -3 * 3_600_000, results: [{ status: "accepted" }] });
  expect((await post({ sentAt: "not a time", events: [at("unsent", "2026-11-21T08:00:00Z")] })).status).toBe(200);
  const times = Object.fromEntries((await stored()).map(({ event, timestamp }) => [event.eventId, new Date(timestamp).toISOString()]));
  expect(times).toEqual({
    past: "2011-04-01T08:00:00.000Z",
    ahead: "2026-11-21T09:00:00.000Z",
    minute: "2026-11-21T09:01:00.000Z",
    skewed: "2026-11-21T08:59:00.000Z",
    unsent: "2026-11-21T08:00:00.000Z",
  });
});

test("[G13] trace and correlation travel in the headers of each record", async () => {
  const { post, stored } = await open({ nowMs: () => Date.parse("2026-11-21T09:00:00.000Z") });
  const trace = "0af7651916cd43dd8448eb211c80319c";
  await post([viewed("a", { correlationId: "corr-7" }), viewed("b")], { traceparent: `00-${trace}-b7ad6b7169203331-01` });
  const [a, b] = await stored();
  expect(a!.headers).toEqual({
    traceparent: expect.stringMatching(`^00-${trace}-[0-9a-f]{16}-01$`),
    recordedtime: "2026-11-21T09:00:00.000Z",
    correlationid: "corr-7",
  });
  expect(b!.headers["correlationid"]).toBe("b");
});

test("[G14] records carry a rising sequence in order of admission, across topics", async () => {
  let now = 1_795_000_000_000;
  const { post, stored } = await open({ nowMs: () => (now -= 1000) });
  for (let round = 0; round < 5; round++) await post([viewed(`v${round}`), carted(`c${round}`)]);
  const records = await stored();
  expect(records.map(({ event }) => event.eventId)).toEqual([0, 1, 2, 3, 4].flatMap((round) => [`v${round}`, `c${round}`]));
  expect(new Set(records.map(({ sequence }) => sequence)).size).toBe(10);
});

test("[G11] the key of a session is the same in any Unicode form, and so is its partition", async () => {
  const { post, stored } = await open();
  await post([viewed("nfc", { session: "caf\u00e9" }), viewed("nfd", { session: "cafe\u0301" })]);
  const [a, b] = await stored();
  expect([a!.key, b!.key]).toEqual(["caf\u00e9", "caf\u00e9"]);
  expect(a!.token.split(":").slice(0, 2)).toEqual(b!.token.split(":").slice(0, 2));
});
