import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { afterEach, expect, test } from "vitest";
import { catalogueOf } from "./catalogue.ts";
import { createQueries } from "./queries.ts";
import type { Answer, QueryAnswerer } from "./query-request.ts";
import { shopPlan, shopQueries } from "./testing/shop-plan.ts";

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function listen(answerer: QueryAnswerer): Promise<string> {
  const app = createQueries({ catalogue: catalogueOf(shopQueries, shopPlan(3)), answerer });
  server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false })).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/queries`;
}

const slice = (next: Extract<Answer, { kind: "rows" }>["next"]): Answer => ({
  kind: "rows",
  asOf: { streamTime: 0, offsets: {} },
  bytes: new TextEncoder().encode("x".repeat(100_000)),
  rows: 1,
  next,
  from: undefined,
  to: undefined,
});

test("[Q22] a client that hangs up while it waits for its write ends the waiting", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const url = await listen({ answer: (_, signal) => (asked.resolve(signal), new Promise(() => undefined)) });
  const controller = new AbortController();
  const answer = fetch(`${url}/sales-by-sku?after=orders:0:1`, { headers: { Prefer: "wait=60" }, signal: controller.signal });
  const signal = await asked.promise;
  controller.abort();
  await expect(answer).rejects.toThrow();
  if (!signal.aborted) await once(signal, "abort");
  expect(signal.aborted).toBe(true);
});

test("[Q19] nothing more is read for a client that hangs up in the midst of an answer without end", async () => {
  const signals: AbortSignal[] = [];
  const url = await listen({
    answer: (_, signal) => (signals.push(signal), Promise.resolve(slice({ windowStart: -1, key: "a", rows: 1 }))),
  });
  const controller = new AbortController();
  const response = await fetch(`${url}/sales-by-sku?format=ndjson`, { signal: controller.signal });
  await response.body!.getReader().read();
  controller.abort();
  await expect.poll(() => signals.at(-1)!.aborted, { timeout: 10_000 }).toBe(true);
  const asked = signals.length;
  const other = await fetch(`${url}/sales-by-sku?format=json&limit=1`);
  await other.text();
  expect(signals.length).toBe(asked + 1);
});

test("[Q20] an answer that breaks off ends the connection, not the body", async () => {
  let asked = 0;
  const url = await listen({
    answer: () => Promise.resolve(++asked < 20 ? slice({ windowStart: -1, key: "a", rows: 1 }) : { kind: "unavailable", detail: "gone" }),
  });
  const response = await fetch(`${url}/sales-by-sku?format=ndjson`);
  expect(response.status).toBe(200);
  const end = await response.text().then(
    () => "whole",
    () => "broken off",
  );
  expect(end).toBe("broken off");
});
