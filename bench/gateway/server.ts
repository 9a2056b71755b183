import type { RequestListener } from "node:http";
import { MessageChannel, Worker } from "node:worker_threads";
import { getRequestListener } from "@hono/node-server";
import pino from "pino";
import { Registry } from "prom-client";
import { connectAppender } from "#engine/broker/embedded/port.ts";
import { setHeapFlags } from "#engine/broker/heap-settings.ts";
import { createGateway } from "#gateway/gateway.ts";
import { metricNames } from "#gateway/metrics.ts";
import { startServer } from "#gateway/server.ts";

setHeapFlags();

/** One gateway on a log file, for the bench: `server.ts LOGFILE [listener|hono|bare]`; prints its port, ends when its input ends. */
const [path = ":memory:", way = "listener"] = process.argv.slice(2);
const { port1, port2 } = new MessageChannel();
const worker = new Worker(new URL("./log-thread.ts", import.meta.url), { workerData: { path, port: port2 }, transferList: [port2] });
await new Promise((resolve) => worker.once("message", resolve));

const registry = new Registry();
const gateway = createGateway({
  appender: connectAppender(port1),
  access: { kind: "keys", keys: [{ name: "bench", secret: "sk_bench" }] },
  logger: pino({ level: "warn" }),
  registry,
  dependencies: [],
});
const throughHono = getRequestListener(gateway.app.fetch, { overrideGlobalObjects: false });

/** What node:http can do at best: the body read and parsed, a result for each event, nothing checked and nothing stored. */
const parseOnly: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const events = JSON.parse(Buffer.concat(chunks).toString()) as readonly { readonly eventId: string }[];
    const body = JSON.stringify({ results: events.map(({ eventId }, i) => ({ i, eventId, status: "accepted", token: "t:0:0" })) });
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  });
};

const ways: Readonly<Record<string, RequestListener>> = {
  /** The gateway's own listener: the front door, then the single pass on the raw request. */
  listener: gateway.listener,
  /** The same single pass, reached through Hono's router (and no front door). */
  hono: (request, response) => void throughHono(request, response),
  bare: parseOnly,
};

const server = await startServer({ listener: ways[way]!, limits: gateway.limits, port: 0 });
process.stdout.write(`${server.port}\n`);
const before = process.cpuUsage();
process.stdin.resume();
process.stdin.on("end", () => void report());

/** CPU of all threads of this process since it was ready, a stored event: the figure that a busy machine does not change. */
async function report(): Promise<void> {
  const { user, system } = process.cpuUsage(before);
  const { values } = await registry.getSingleMetric(metricNames.events)!.get();
  const events = values.reduce((sum, { value }) => sum + value, 0);
  const { rss, heapUsed, external } = process.memoryUsage();
  const cpuMicros = Math.round((user + system) / events);
  const [rssMb, heapMb, externalMb] = [rss, heapUsed, external].map((bytes) => Math.round(bytes / 1e6));
  process.stdout.write(`${JSON.stringify({ answered: events, cpuMicrosPerEvent: cpuMicros, rssMb, heapMb, externalMb })}\n`);
  process.exit(0);
}
