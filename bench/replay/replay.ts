import { join } from "node:path";
import type { ReplayReport } from "#cli/replay/report.ts";
import { startDevServer } from "../dev-server.ts";
import { type Bench, median, millis, spread, thousands } from "../figures.ts";
import { engineCore, loadCore, memoryFolder, withFolder } from "../machine.ts";
import { startPinned } from "../pinned-process.ts";

const wantedEvents = 1_000_000;
/** April has a little more than this many events. */
const eventsPerMonth = 4200;

/** `millrace replay --repeat … --wait` into `millrace dev`: over HTTP, through every hop, until every query shows all of it; then a kill -9. */
export const benchReplay: Bench = async ({ quick, say }) =>
  withFolder(memoryFolder, async (folder) => {
    const data = join(folder, "data");
    const repeat = quick ? 2 : Math.ceil(wantedEvents / eventsPerMonth);
    const server = await startDevServer({ data, core: engineCore });
    const cpuBefore = server.cpuSeconds();
    const args = ["replay", "--to", server.url, "--repeat", String(repeat), "--opening-stock", "1000000", "--wait", "--json"];
    const report = await replayed(args);
    const { accepted } = report.events;
    const shown = report.shownAfterSeconds ?? Number.NaN;
    const cpu = server.cpuSeconds() - cpuBefore;
    const rssMb = server.rssMb();
    say(`replay: ${JSON.stringify({ ...report, tokens: report.tokens.length, cpu, rssMb })}`);
    await server.kill();
    const ready: number[] = [];
    for (let round = 0; round < 3; round++) {
      const again = await startDevServer({ data, core: engineCore });
      ready.push(again.readyMs);
      await again.kill();
    }
    return [
      {
        job: `replay of ${thousands(accepted)} events`,
        figure: `${shown.toFixed(1)} s until every query shows them, ${thousands(accepted / shown)} events/s; posted after ${report.seconds.toFixed(1)} s`,
        peer: `CPU ${((cpu * 1e6) / accepted).toFixed(0)} µs an event (gateway, engine, queries), ${rssMb} MB; rejected ${report.events.rejected}`,
        ...(quick
          ? {}
          : { target: `≥ ${thousands(wantedEvents)} events`, reached: accepted >= wantedEvents && report.events.rejected === 0 }),
      },
      {
        job: "restart of all of it, kill -9",
        figure: `${spread(ready, millis)} from process start to the ready line of millrace dev`,
        peer: `median ${millis(median(ready))} with the state of that replay`,
      },
    ];
  });

async function replayed(args: readonly string[]): Promise<ReplayReport> {
  const child = startPinned("../cli/main.ts", { core: loadCore, args });
  let text = "";
  for await (const chunk of child.stdout!) text += String(chunk);
  return JSON.parse(text) as ReplayReport;
}
