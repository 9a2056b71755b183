import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDevServer } from "../dev-server.ts";
import { type Bench, type BenchOptions, type Figure, median, millis, percent, spread, thousands } from "../figures.ts";
import { engineCore, loadCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned } from "../pinned-process.ts";
import type { LatencyReport } from "./load.ts";

const targetMs = 100;
const eventsPerSecond = 5000;

/** What is posted, and what is asked. `carts` is one hop behind one repartition; `shop` is the shipped topology, a tenth of the events being orders. */
const mixes = {
  carts: `topology: latency
nodes:
  carts-by-sku:
    from: business.carts.item-added
    key: data.sku
    window: { tumbling: 1m, grace: 30s, retain: 10m }
    aggregate: { adds: count(), units: sum(data.quantity) }
`,
  shop: undefined,
} as const;
export type Mix = keyof typeof mixes;

/** From the post of an event until a query behind a repartition shows it, at a steady 5,000 events a second. */
export const benchLatency: Bench = async (options) => {
  const figures: Figure[] = [];
  for (const mix of Object.keys(mixes) as Mix[]) figures.push(await benchMix(mix, options));
  return figures;
};

async function benchMix(mix: Mix, { quick, rounds, say }: BenchOptions): Promise<Figure> {
  const reports: LatencyReport[] = [];
  const shares: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await withFolder(memoryFolder, async (data) => {
      const text = mixes[mix];
      const topology = join(data, "latency.yaml");
      if (text !== undefined) writeFileSync(topology, text);
      const server = await startDevServer({ data, core: engineCore, ...(text === undefined ? {} : { topology }) });
      try {
        const cpu = server.cpuSeconds();
        const began = performance.now();
        const args = [server.url, mix, String(eventsPerSecond), quick ? "5" : "40"];
        const report = await runPinned<LatencyReport>("latency/load.ts", { core: loadCore, args });
        shares.push((server.cpuSeconds() - cpu) / ((performance.now() - began) / 1000));
        say(`latency ${mix}: ${JSON.stringify(report)}`);
        reports.push(report);
      } finally {
        await server.kill();
      }
    });
  }
  const of = (what: keyof LatencyReport): number[] => reports.map((report) => report[what]);
  const p95 = median(of("visibleP95"));
  const kept = median(of("eventsPerSecond")) > 0.98 * eventsPerSecond && Math.max(...of("failed")) === 0;
  return {
    job: `post to visible, ${mix}`,
    figure: `p50 ${spread(of("visibleP50"), millis)} · p95 ${spread(of("visibleP95"), millis)} · p99 ${spread(of("visibleP99"), millis)} at ${thousands(median(of("eventsPerSecond")))} events/s`,
    peer: `durable answer p50/p95/p99 ${millis(median(of("postP50")))}/${millis(median(of("postP95")))}/${millis(median(of("postP99")))}; ${percent(median(shares))} of the core; ${median(of("probes"))} probes, ${Math.max(...of("failed"))} failed`,
    target: `p95 < ${targetMs} ms`,
    reached: p95 < targetMs && kept,
  };
}
