import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DevServer, startDevServer } from "../dev-server.ts";
import { type Bench, millis } from "../figures.ts";
import type { LatencyReport } from "../latency/load.ts";
import { engineCore, loadCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned, startPinned } from "../pinned-process.ts";
import type { ReadersReport } from "./readers.ts";

const readers = 1000;
const eventsPerSecond = 5000;
const targetMs = 100;
/** Memory counts as flat when its last quarter needs no more at its peak than so many times what its third needed: garbage waits for the collector. */
const flatFactor = 1.05;

/** Windows are kept for longer than the run, so that what was put together is what a pull shows. */
const topology = `topology: streams
nodes:
  carts-by-sku:
    from: business.carts.item-added
    key: data.sku
    window: { tumbling: 1m, grace: 30s, retain: 1d }
    aggregate: { adds: count(), units: sum(data.quantity) }
  carts-per-minute:
    from: business.carts.item-added
    key: data.unitPrice.currency
    window: { tumbling: 1m, grace: 30s, retain: 1d }
    aggregate: { adds: count(), units: sum(data.quantity) }
`;

/** A thousand readers beside a steady 5,000 events a second, and the same without them: what do readers cost, and does any miss a last value? */
export const benchStreams: Bench = async ({ quick, say }) => {
  const seconds = quick ? 5 : Number(process.env["BENCH_SECONDS"] ?? 300);
  const without = await run({ readers: 0, seconds });
  const beside = await run({ readers, seconds });
  say(`streams without readers: ${JSON.stringify(without)}`);
  say(`streams with ${readers}: ${JSON.stringify(beside)}`);
  const { told, load, memory } = beside;
  const allTold = told.missed === 0 && told.connected === readers && told.judged === readers;
  const flat = memory.quarters[3]!.mostMb <= flatFactor * memory.quarters[2]!.mostMb;
  const reached = load.postP95 < targetMs && load.failed === 0 && allTold && flat;
  return [
    {
      job: `${readers} readers of streams`,
      figure: `${told.missed} of ${told.judged} missed a last value; ${told.megabytes} MB told, ${told.resets} resets; post p95 ${millis(load.postP95)}; ${beside.cpuSeconds.toFixed(0)} s of CPU; ${memoryText(beside)}`,
      peer: `without readers: post p95 ${millis(without.load.postP95)}; ${without.cpuSeconds.toFixed(0)} s of CPU; ${memoryText(without)}`,
      target: `none of ${readers} missed, memory flat, post p95 < ${targetMs} ms`,
      reached,
    },
  ];
};

type Span = { readonly leastMb: number; readonly mostMb: number };
/** Of the four quarters of the load. */
type Memory = { readonly quarters: readonly Span[] };
type Run = { readonly load: LatencyReport; readonly told: ReadersReport; readonly cpuSeconds: number; readonly memory: Memory };

const memoryText = ({ memory }: Run): string =>
  `memory by quarters ${memory.quarters.map(({ leastMb, mostMb }) => `${leastMb}–${mostMb}`).join(", ")} MB`;

async function run({ readers: count, seconds }: { readonly readers: number; readonly seconds: number }): Promise<Run> {
  return withFolder(memoryFolder, async (data) => {
    const file = join(data, "streams.yaml");
    writeFileSync(file, topology);
    const server = await startDevServer({ data, core: engineCore, topology: file });
    try {
      const reading = startPinned("streams/readers.ts", {
        core: loadCore,
        args: [server.url, "carts-per-minute", "carts-by-sku", String(count)],
      });
      let text = "";
      reading.stdout!.setEncoding("utf8").on("data", (more: string) => (text += more));
      const cpu = server.cpuSeconds();
      const args = [server.url, "carts", String(eventsPerSecond), String(seconds)];
      const course: number[] = [];
      const sampling = setInterval(() => course.push(server.rssNowMb()), 500);
      const load = await runPinned<LatencyReport>("latency/load.ts", { core: loadCore, args });
      clearInterval(sampling);
      await quiet(server);
      const cpuSeconds = server.cpuSeconds() - cpu;
      const ended = once(reading, "exit");
      reading.stdin!.end();
      await ended;
      const quarters = [0, 1, 2, 3].map((n): Span => {
        const part = course.slice((course.length * n) / 4, (course.length * (n + 1)) / 4);
        return { leastMb: Math.min(...part), mostMb: Math.max(...part) };
      });
      return { load, told: JSON.parse(text) as ReadersReport, cpuSeconds, memory: { quarters } };
    } finally {
      await server.kill();
    }
  });
}

/** Until two pulls a second apart show the same: nothing more is to be told. */
async function quiet({ url }: DevServer): Promise<void> {
  for (let before = ""; ;) {
    const now = await (await fetch(`${url}/v1/queries/carts-per-minute.csv`)).text();
    if (now === before) return;
    before = now;
    await sleep(1500);
  }
}
