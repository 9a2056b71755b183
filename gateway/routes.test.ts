import { createServer } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import pino from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { metricNames } from "./metrics.ts";
import { startServer } from "./server.ts";
import { Tail, type TailEntry } from "./tail.ts";
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

test("[G18] readiness begins as unready, and names what is missing; liveness does not ask", async () => {
  const { gateway, send } = await open({ dependencies: ["log", "pipeline"] });
  const ready = async (): Promise<unknown> => {
    const { status, text } = await send({ path: "/readyz" });
    return [status, JSON.parse(text) as unknown];
  };
  const starting = { ready: false, detail: "starting" };
  expect(await ready()).toEqual([503, { status: "unready", dependencies: { log: starting, pipeline: starting } }]);
  gateway.setReady("log", { ready: true, detail: "open" });
  expect(await ready()).toEqual([503, { status: "unready", dependencies: { log: { ready: true, detail: "open" }, pipeline: starting } }]);
  gateway.setReady("pipeline", { ready: true, detail: "running" });
  expect(await ready()).toMatchObject([200, { status: "ready" }]);
  gateway.setReady("log", { ready: false, detail: "disk full" });
  expect(await ready()).toMatchObject([503, { dependencies: { log: { detail: "disk full" } } }]);
  expect((await send({ path: "/livez" })).status).toBe(200);
});

test("[G23] the tail tells the last answers with reasons, bounded, from any number on", () => {
  const tail = new Tail(3);
  const add = (eventId: string): void => tail.add({ at: "now", status: "accepted", eventId, eventType: "product.viewed" });
  expect(tail.since(0)).toEqual([]);
  for (const id of ["a", "b", "c", "d"]) add(id);
  const ids = (entries: readonly TailEntry[]): unknown => entries.map(({ n, eventId }) => `${n}${eventId}`);
  expect(ids(tail.since(0))).toEqual(["2b", "3c", "4d"]);
  expect(ids(tail.since(3))).toEqual(["4d"]);
  expect([tail.since(4), tail.since(1e9)]).toEqual([[], []]);
});

test("[G23] GET /v1/tail answers JSON, or a stream of events that goes on where it was left", async () => {
  const { post, send, port } = await open();
  await post([viewed("a"), { ...viewed("b"), data: {} }, { ...viewed("c"), eventType: "somebody@example.com" }]);
  const { last, results } = JSON.parse((await send({ path: "/v1/tail" })).text) as { last: number; results: TailEntry[] };
  expect(last).toBe(3);
  expect(
    results
      .map(({ status, eventId, eventType, code, pointer }) => [status, eventId, eventType, code, pointer])
      .toSorted((a, b) => (a[1]! < b[1]! ? -1 : 1)),
  ).toEqual([
    ["accepted", "a", "product.viewed", undefined, undefined],
    ["rejected", "b", "product.viewed", "schema_violation", "/data/sku"],
    ["rejected", "c", null, "unknown_schema", "/eventType"],
  ]);
  expect(JSON.parse((await send({ path: "/v1/tail?since=3" })).text)).toEqual({ last: 3, results: [] });
  expect((await send({ path: "/v1/tail?since=-1e99" })).status).toBe(200);
  expect((await send({ path: "/v1/tail", headers: { authorization: "Bearer no" } })).status).toBe(401);
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.write(
    "GET /v1/tail HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\nAccept: text/event-stream\r\nLast-Event-ID: 3\r\n\r\n",
  );
  await vi.waitFor(() => expect(text).toContain("text/event-stream"), 10_000);
  await post(viewed("d"));
  await vi.waitFor(() => expect(text).toContain('"eventId":"d"'), { timeout: 5_000 });
  expect(text).toContain("id: 4");
  expect(text).not.toContain('"eventId":"a"');
  socket.destroy();
});

test("[G24] outcomes, codes, latency and what waits are counted", async () => {
  const { post, registry } = await open();
  await post([viewed("a"), viewed("a"), { ...viewed("b"), data: {} }, 7]);
  await post("{");
  const text = await registry.metrics();
  for (const line of [
    `${metricNames.events}{outcome="accepted",code=""} 1`,
    `${metricNames.events}{outcome="duplicate",code=""} 1`,
    `${metricNames.events}{outcome="rejected",code="schema_violation"} 1`,
    `${metricNames.events}{outcome="rejected",code="not_an_object"} 1`,
    `${metricNames.requests}{status="207"} 1`,
    `${metricNames.requests}{status="400"} 1`,
    `${metricNames.latency}_count 2`,
    `${metricNames.appendRecords}_count 1`,
    `${metricNames.waitingBytes} 0`,
    `${metricNames.waitingRecords} 0`,
    `${metricNames.dedupeEntries} 1`,
  ]) {
    expect(text.split("\n")).toContain(line);
  }
});

test("[G25] no payload and no key is in logs, tail, metrics or answers", async () => {
  let logs = "";
  const logger = pino({ level: "trace" }, { write: (line: string) => void (logs += line) });
  const broken = { append: () => Promise.reject(new Error("disk gone")) };
  const { post, send, registry, gateway } = await open({ logger, wrap: () => broken });
  const marker = "marker-4711";
  const answers = [
    await post({ ...carted("a"), metadata: { sessionId: `s-${marker}`, userAgent: marker, ipAddress: marker } }),
    await post({
      ...carted("b", { session: marker }),
      data: { cartId: marker, sku: marker, quantity: marker, unitPrice: { amount: marker, currency: marker } },
    }),
    await post({ ...viewed("c"), eventId: `${marker} !`, timestamp: marker, source: `${marker}\n`, eventVersion: marker }),
    await post({ ...viewed("d"), eventType: marker }),
    await post(`{"${"x"}": "${marker}"`),
    await post(viewed("e"), { authorization: `Bearer ${marker}` }),
    await send({ path: `/v1/nothing/${marker}?key=${marker}` }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([503, 422, 422, 422, 400, 401, 404]);
  const tail = (await send({ path: "/v1/tail" })).text;
  expect(logs).toContain("gateway.append-failed");
  for (const [name, text] of Object.entries({
    logs,
    tail,
    metrics: await registry.metrics(),
    answers: answers.map((answer) => answer.text).join(),
  })) {
    expect(text, name).not.toContain(marker);
    expect(text, name).not.toContain("sk_test");
  }
  expect(gateway.limits.events).toBe(1000);
});

test("[G27] while the log is away what comes is refused before its body is read; then it is taken again", async () => {
  const test = await open();
  test.gateway.setLogAway("Kafka does not answer");
  // The head of a request whose body never comes is enough.
  const head = `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test\r\nContent-Type: application/json\r\nContent-Length: 9\r\nConnection: close\r\n\r\n`;
  const refused = await test.raw(head);
  expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: [1-4]\r\n[\s\S]*\/problems\/log-unavailable[\s\S]*Kafka does not answer/i);
  expect((await test.post(viewed("a"), { authorization: "Bearer nobody" })).status).toBe(401);
  test.gateway.setLogAway(undefined);
  expect((await test.post(viewed("a"))).status).toBe(200);
});

test("[G27] a process that takes no events in says so", async () => {
  const test = await open({ takesEvents: false });
  const { status, json } = await test.post(viewed("a"));
  expect([status, json]).toEqual([
    404,
    expect.objectContaining({ type: "/problems/not-found", detail: expect.stringContaining("--no-gateway") as string }),
  ]);
});

test("[G26] a taken port is told, or another taken instead; the server listens on loopback", async () => {
  const { server, gateway } = await open();
  expect([server.host, server.portAsAsked, server.url]).toEqual(["127.0.0.1", true, `http://127.0.0.1:${server.port}`]);
  const options = { listener: gateway.listener, limits: gateway.limits, port: server.port };
  await expect(startServer(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
  const other = await startServer({ ...options, takeFreePort: true });
  expect([other.portAsAsked, other.port === server.port]).toEqual([false, false]);
  await other.close();
});

test("[G26] the app takes events through Hono's router too, without the gateway's own listener", async () => {
  const { gateway } = await open({ access: { kind: "open" } });
  const server = createServer(
    (request, response) => void getRequestListener(gateway.app.fetch, { overrideGlobalObjects: false })(request, response),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const answer = await fetch(`http://127.0.0.1:${port}/v1/events`, {
    method: "POST",
    body: JSON.stringify(viewed("a")),
    headers: { "content-type": "application/json" },
  });
  expect([answer.status, answer.headers.get("ingest-result")]).toEqual([200, "accepted=1, duplicate=0, rejected=0, retry=0"]);
  server.close();
  server.closeAllConnections();
});
