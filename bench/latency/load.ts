import { Agent, request } from "node:http";
import { quantile } from "../figures.ts";
import type { Mix } from "./latency.ts";

/**
 * Posts events at a steady rate whatever the server does (an open model), and asks for some of them until a query shows them:
 * `load.ts URL MIX EVENTS_PER_SECOND SECONDS`. Times are from the moment at which a request was due.
 */
export type LatencyReport = Record<
  "eventsPerSecond" | "visibleP50" | "visibleP95" | "visibleP99" | "visibleMax" | "postP50" | "postP95" | "postP99" | "probes" | "failed",
  number
>;

const [url = "", mixName = "carts", rate = "5000", seconds = "30"] = process.argv.slice(2);
const mix = mixName as Mix;
const eventsPerRequest = 10;
const everyMs = (1000 * eventsPerRequest) / Number(rate);
const warmUpMs = 5000;
const requestsPerProbe = 10;
const articles = 3000;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const query = mix === "carts" ? "carts-by-sku" : "sales-by-sku";

const visible: number[] = [];
const posted: number[] = [];
let [events, failed, open, next] = [0, 0, 0, 0];
const run = Date.now().toString(36);
const began = performance.now();
const measuredFrom = began + warmUpMs;
const endAt = measuredFrom + Number(seconds) * 1000;

const timer = setInterval(() => {
  const now = performance.now();
  for (; began + next * everyMs <= now; next++) void post(next, began + next * everyMs);
  if (now < endAt) return;
  clearInterval(timer);
  void finish();
}, 2);

async function post(n: number, dueAt: number): Promise<void> {
  const sku = `sku-${(n * 7919) % articles}`;
  const probe = n % requestsPerProbe === 0;
  const list = Array.from({ length: eventsPerRequest }, (_, i) =>
    eventOf(n * eventsPerRequest + i, sku, mix === "shop" && i === eventsPerRequest - 1),
  );
  const measured = dueAt >= measuredFrom && dueAt < endAt;
  open += 1;
  try {
    const { status, body } = await exchange("POST", "/v1/events", JSON.stringify(list));
    const { results = [] } = JSON.parse(body) as { results?: { status: string; token?: string }[] };
    const good = results.length === list.length && results.every((result) => result.status === "accepted");
    if (status !== 200 || !good) failed += 1;
    if (measured) {
      posted.push(performance.now() - dueAt);
      if (good) events += list.length;
    }
    const token = results.at(-1)?.token;
    if (!probe || !good || token === undefined) return;
    const path = `/v1/queries/${query}?sku=${sku}&limit=1&after=${encodeURIComponent(token)}`;
    const answer = await exchange("GET", path);
    const { rows = [] } = JSON.parse(answer.body) as { rows?: unknown[] };
    if (answer.status !== 200 || rows.length === 0) failed += 1;
    else if (measured) visible.push(performance.now() - dueAt);
  } catch {
    failed += 1;
  } finally {
    open -= 1;
  }
}

function eventOf(n: number, sku: string, isOrder: boolean): unknown {
  const unitPrice = { amount: "12.50", currency: "GBP" };
  const about = {
    eventId: `${run}-${n}`,
    eventVersion: "1.0.0",
    source: "bench",
    timestamp: new Date().toISOString(),
    correlationId: `visit-${n}`,
    metadata: { sessionId: `session-${n % 10_000}` },
  };
  if (!isOrder) return { ...about, eventType: "cart.item_added", data: { cartId: `cart-${n % 10_000}`, sku, quantity: 1, unitPrice } };
  const data = {
    orderId: `order-${run}-${n}`,
    customerId: `customer-${n % 5000}`,
    items: [
      { sku, quantity: 1, unitPrice },
      { sku: `sku-${n % articles}`, quantity: 2, unitPrice },
    ],
    total: { amount: "37.50", currency: "GBP" },
    shippingAddress: { country: "United Kingdom" },
    paymentMethod: { type: "card", cardId: `card-${n % 5000}` },
  };
  return { ...about, eventType: "order.created", data };
}

function exchange(method: string, path: string, body = ""): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((settle, fail) => {
    const headers =
      method === "GET" ? { Prefer: "wait=10" } : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const sent = request(url + path, { method, agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => settle({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      answer.on("error", fail);
    });
    sent.on("error", fail);
    sent.end(body);
  });
}

async function finish(): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (open > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const times of [visible, posted]) times.sort((a, b) => a - b);
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  const report: LatencyReport = {
    eventsPerSecond: Math.round(events / Number(seconds)),
    visibleP50: rounded(quantile(visible, 0.5)),
    visibleP95: rounded(quantile(visible, 0.95)),
    visibleP99: rounded(quantile(visible, 0.99)),
    visibleMax: rounded(quantile(visible, 1)),
    postP50: rounded(quantile(posted, 0.5)),
    postP95: rounded(quantile(posted, 0.95)),
    postP99: rounded(quantile(posted, 0.99)),
    probes: visible.length,
    failed: failed + open,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}
