import { join } from "node:path";
import { createInterface } from "node:readline";
import { workloadOf } from "../aggregate/workload.ts";
import { type Bench, median, millis, spread } from "../figures.ts";
import { engineCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned, startPinned } from "../pinned-process.ts";

const targetMs = 1000;
const workload = "1M";
type Phases = Record<"loaded" | "opened" | "assigned" | "committed", number>;

/** Kills an engine that holds 1 M keys of a window and more, in the middle of its work, and times the next one from its start to its first new output. */
export const benchRestart: Bench = async ({ quick, rounds, say }) =>
  withFolder(memoryFolder, async (folder) => {
    const path = join(folder, "log.db");
    const mode = quick ? ["quick"] : [];
    await runPinned("aggregate/preload.ts", { core: engineCore, args: [path, workload, ...mode] });
    // Two thirds of the log fill the state; the rest is what restarts find to do.
    const load = Math.floor((workloadOf(workload, quick).records * 2) / 3);
    await killedAfter(path, [String(load), String(Date.now()), ...mode]);
    const restarts: Phases[] = [];
    for (let round = 0; round < Math.max(5, rounds); round++) {
      const phases = await killedAfter(path, ["1", String(Date.now()), ...mode]);
      say(`restart: ${JSON.stringify(phases)}`);
      restarts.push(phases);
    }
    const of = (phase: keyof Phases): number[] => restarts.map((phases) => phases[phase]);
    const first = of("committed");
    const steps = `node and its imports ${millis(median(of("loaded")))}, log open ${millis(median(of("opened")))}, state open ${millis(median(of("assigned")))}`;
    return [
      {
        job: "restart, 1M keys, kill -9",
        figure: `${spread(first, millis)} from process start to the first new output`,
        peer: `of it: ${steps}`,
        target: `< ${targetMs} ms`,
        reached: median(first) < targetMs,
      },
    ];
  });

/** Runs the engine until it tells, and kills it with SIGKILL at that moment. */
async function killedAfter(path: string, args: readonly string[]): Promise<Phases> {
  const child = startPinned("restart/engine.ts", { core: engineCore, args: [path, workload, ...args] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout! })) {
    child.kill("SIGKILL");
    await ended;
    return JSON.parse(line) as Phases;
  }
  throw new Error("the engine ended before it was killed");
}
