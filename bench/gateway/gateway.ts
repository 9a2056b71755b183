import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Bench, type Figure, median, millis, percent, spread, thousands } from "../figures.ts";
import { diskFolder, engineCore, loadCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned, startPinned } from "../pinned-process.ts";

type LoadReport = Record<"requestsPerSecond" | "eventsPerSecond" | "p50" | "p95" | "p99" | "failed", number>;
type Round = LoadReport & { readonly cpuMicros: number };

const cases = [
  { events: 1, connections: 128, target: 10_000 },
  { events: 100, connections: 32, target: 40_000 },
] as const;

/** Events a second accepted durably over keep-alive connections, with the data on the disk; beside it without a disk, and node:http that stores nothing. */
export const benchGateway: Bench = async ({ quick, rounds, say }) => {
  const figures: Figure[] = [];
  for (const { events, connections, target } of cases) {
    const ways = { disk: [] as Round[], memory: [] as Round[], bare: [] as Round[] };
    for (let round = 0; round < rounds; round++) {
      for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
        const report = await measure(way, { events, connections, seconds: quick ? 1 : 20 });
        say(`gateway ${way}, ${events} a request: ${JSON.stringify(report)}`);
        ways[way].push(report);
      }
    }
    const of = (way: keyof typeof ways, what: keyof Round): number[] => ways[way].map((report) => report[what]);
    const rate = median(of("disk", "eventsPerSecond"));
    const failed = Math.max(...of("disk", "failed"));
    const bare = median(of("bare", "eventsPerSecond"));
    const latency = ["p50", "p95", "p99"] as const;
    figures.push({
      job: `gateway, ${events} event${events === 1 ? "" : "s"} a request`,
      figure: `${spread(of("disk", "eventsPerSecond"), thousands)} events/s durable, p50/p95/p99 ${latency.map((one) => millis(median(of("disk", one)))).join("/")}`,
      peer: `in memory ${spread(of("memory", "eventsPerSecond"), thousands)} (${median(of("memory", "cpuMicros")).toFixed(0)} µs CPU); node:http + JSON.parse, nothing stored ${thousands(bare)}: ${percent(median(of("memory", "eventsPerSecond")) / bare)} of it${failed > 0 ? `; ${failed} failed` : ""}`,
      target: `≥ ${thousands(target)} events/s`,
      reached: rate >= target && failed === 0,
    });
  }
  return figures;
};

type Case = { readonly events: number; readonly connections: number; readonly seconds: number };

async function measure(way: "disk" | "memory" | "bare", { events, connections, seconds }: Case): Promise<Round> {
  return withFolder(way === "disk" ? diskFolder : memoryFolder, async (folder) => {
    const server = startPinned("gateway/server.ts", {
      core: engineCore,
      args: [join(folder, "log.db"), way === "bare" ? "bare" : "listener"],
    });
    const lines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]();
    const port = String((await lines.next()).value);
    const args = [port, String(events), String(seconds), String(connections)];
    const load = await runPinned<LoadReport>("gateway/load.ts", { core: loadCore, args });
    server.stdin!.end();
    const { cpuMicrosPerEvent } = JSON.parse(String((await lines.next()).value)) as { cpuMicrosPerEvent: number };
    return { ...load, cpuMicros: cpuMicrosPerEvent };
  });
}
