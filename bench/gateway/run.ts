import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Events a second through the gateway, durable on a log file, on one core with the generator on another: `run.ts [SECONDS]`.
 * `bare` is node:http with the body parsed and nothing stored, in the same minute: what the machine gives at best.
 */
const seconds = Number(process.argv[2] ?? 5);
const cases = [
  { events: 1, connections: 256 },
  { events: 10, connections: 128 },
  { events: 100, connections: 32 },
];
const pinned = availableParallelism() > 1 && spawnSync("taskset", ["-c", "0", "true"]).status === 0;

function start(core: number, args: readonly string[]): ChildProcessWithoutNullStreams {
  const command = [process.execPath, ...args.map((arg, i) => (i === 0 ? join(import.meta.dirname, arg) : arg))];
  const [program, ...rest] = pinned ? ["taskset", "-c", String(core), ...command] : command;
  const child = spawn(program!, rest);
  child.stderr.pipe(process.stderr);
  return child;
}

async function line(child: ChildProcessWithoutNullStreams): Promise<string> {
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return chunk.toString().trim();
}

type Report = {
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly failed: number;
};

async function measure(way: string, events: number, connections: number): Promise<Report & { readonly cpuMicrosPerEvent?: number }> {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const server = start(0, ["server.ts", join(directory, "log.sqlite"), way]);
  const port = await line(server);
  const report = JSON.parse(await line(start(1, ["load.ts", port, String(events), String(seconds), String(connections)]))) as Report;
  server.stdin.end();
  const costs = JSON.parse(await line(server)) as { cpuMicrosPerEvent: number };
  rmSync(directory, { recursive: true });
  return { ...report, ...costs };
}

const row = (cells: readonly (string | number)[]): void => {
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
};
process.stdout.write(
  `gateway, ${pinned ? "one core" : "not pinned"}, Node ${process.version}, ${seconds} s a row after 1.5 s of warming up\n\n`,
);
row(["way", "events a request", "connections", "requests/s", "events/s", "p50 ms", "p95 ms", "p99 ms", "CPU µs an event", "failed"]);
row(Array.from({ length: 10 }, () => "---"));
for (const { events, connections } of cases) {
  for (const way of ["bare", "listener", "hono"]) {
    const { requestsPerSecond, eventsPerSecond, p50, p95, p99, cpuMicrosPerEvent, failed } = await measure(way, events, connections);
    row([way, events, connections, requestsPerSecond, eventsPerSecond, p50, p95, p99, cpuMicrosPerEvent ?? "", failed]);
  }
}
