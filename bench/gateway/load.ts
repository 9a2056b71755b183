import { connect, type Socket } from "node:net";

/** Posts events over keep-alive connections, one request in flight on each: `load.ts PORT EVENTS SECONDS CONNECTIONS`; prints one line of JSON. */
const [port = 0, events = 1, seconds = 5, connections = 64] = process.argv.slice(2).map(Number);
const warmUpMs = 5_000;

const idDigits = 12;
const sample = (i: number): string =>
  JSON.stringify({
    eventId: `e-${String(i).padStart(idDigits, "0")}`,
    eventType: "cart.item_added",
    eventVersion: "1.0.0",
    source: "storefront-eu",
    timestamp: new Date().toISOString(),
    correlationId: "0192f3a1-7c00-7000-8000-0000000000aa",
    metadata: {
      sessionId: `s-${String(i % 50_000).padStart(5, "0")}`,
      userId: "17850",
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
      ipAddress: "192.0.2.17",
      schemaVersion: "1.0.0",
    },
    data: {
      cartId: "cart-0192f3a1",
      sku: "85123A",
      quantity: 2,
      unitPrice: { amount: "49.90", currency: "EUR" },
      customerId: "17850",
      vendorId: "vendor-7",
    },
  });

let nextId = 0;
const runId = String(Date.now() % 1_000_000).padStart(6, "0");

/** A request whose event ids are written in place: the generator must cost less than what it measures. */
function template(): { bytes: Buffer; idsAt: number[]; sessionsAt: number[] } {
  const body = `[${Array.from({ length: events }, (_, i) => sample(i)).join()}]`;
  const head = `POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer sk_bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const bytes = Buffer.from(head + body);
  const find = (needle: string, skip: number): number[] => {
    const found: number[] = [];
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) found.push(at + skip);
    return found;
  };
  return { bytes, idsAt: find('"eventId":"e-', 13), sessionsAt: find('"sessionId":"s-', 15) };
}

const latencies: number[] = [];
let [measuring, requests, failed] = [false, 0, 0];

function run(socket: Socket): void {
  const { bytes, idsAt, sessionsAt } = template();
  let sentAt = 0;
  let received: Buffer[] = [];
  let missing = -1;
  const send = (): void => {
    for (let i = 0; i < idsAt.length; i++) {
      const id = nextId++;
      bytes.write(runId + String(id % 1_000_000).padStart(6, "0"), idsAt[i]!, "latin1");
      if (id % 1_000_000 === 0 && id > 0)
        bytes.write(String((Number(runId) + id / 1_000_000) % 1_000_000).padStart(6, "0"), idsAt[i]!, "latin1");
      bytes.write(String((id * 7919) % 50_000).padStart(5, "0"), sessionsAt[i]!, "latin1");
    }
    sentAt = performance.now();
    socket.write(bytes);
  };
  socket.on("data", (chunk) => {
    received.push(chunk);
    if (missing < 0) {
      const head = Buffer.concat(received);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const text = head.toString("latin1", 0, end);
      if (!text.startsWith("HTTP/1.1 200")) failed += 1;
      missing = Number(/content-length: (\d+)/i.exec(text)![1]) + end + 4 - head.length;
    } else missing -= chunk.length;
    if (missing > 0) return;
    received = [];
    missing = -1;
    if (measuring) {
      requests += 1;
      latencies.push(performance.now() - sentAt);
    }
    send();
  });
  socket.on("connect", send);
}

const sockets = Array.from({ length: connections }, () => connect({ port, host: "127.0.0.1", noDelay: true }));
for (const socket of sockets) run(socket);
setTimeout(() => {
  measuring = true;
  const startedAt = performance.now();
  setTimeout(() => {
    const elapsed = (performance.now() - startedAt) / 1000;
    const sorted = Float64Array.from(latencies).sort();
    const at = (q: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0) * 100) / 100;
    const report = {
      events,
      requestsPerSecond: Math.round(requests / elapsed),
      eventsPerSecond: Math.round((requests * events) / elapsed),
    };
    process.stdout.write(`${JSON.stringify({ ...report, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), failed })}\n`);
    process.exit(0);
  }, seconds * 1000);
}, warmUpMs);
