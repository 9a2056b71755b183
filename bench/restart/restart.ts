import { join } from "node:path";
import { createInterface } from "node:readline";
import { workloadOf } from "../aggregate/workload.ts";
import { type Bench, type Figure, median, millis, spread } from "../figures.ts";
import { engineCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned, startPinned } from "../pinned-process.ts";

const targetMs = 1000;
const workload = "1M";
/** Milliseconds since the parent started the process; with `Cpu`, of user and system time. */
type Phases = Record<"loaded" | "opened" | "assigned" | "committed" | "loadedCpu" | "assignedCpu" | "committedCpu", number>;

/** Kills an engine that holds 1 M keys of a window and more, in the middle of its work, and times the next one from its start to its first new output. */
export const benchRestart: Bench = async ({ quick, rounds, say }) =>
  withFolder(memoryFolder, async (folder) => {
    const path = join(folder, "log.db");
    const mode = quick ? ["quick"] : [];
    await runPinned("aggregate/preload.ts", { core: engineCore, args: [path, workload, ...mode] });
    // Two thirds of the log fill the state; the rest is what restarts find to do.
    const load = Math.floor((workloadOf(workload, quick).records * 2) / 3);
    const kill = (records: number, env: Readonly<Record<string, string>>): Promise<Phases> =>
      killedAfter([path, workload, String(records), String(Date.now()), ...mode], env);
    // Node keeps compiled code in a folder when it is told to; the first process fills it.
    const ways = { "with Node's compile cache": { NODE_COMPILE_CACHE: join(folder, "code") }, "without it": {} };
    await kill(load, ways["with Node's compile cache"]);
    const restarts = new Map<string, Phases[]>(Object.keys(ways).map((way) => [way, []]));
    for (let round = 0; round < Math.max(5, rounds); round++) {
      for (const [way, env] of Object.entries(ways)) {
        const phases = await kill(1, env);
        say(`restart ${way}: ${JSON.stringify(phases)}`);
        restarts.get(way)!.push(phases);
      }
    }
    return [...restarts].map(([way, all]) => figureOf(way, all));
  });

function figureOf(way: string, all: readonly Phases[]): Figure {
  const of = (phase: keyof Phases): number[] => all.map((phases) => phases[phase]);
  const first = of("committed");
  const imports = `imports ${millis(median(of("loaded")))} (${millis(median(of("loadedCpu")))} of CPU)`;
  const tail = `state open at ${millis(median(of("assigned")))} (${millis(median(of("assignedCpu")))})`;
  return {
    job: `restart, 1M keys, kill -9, ${way}`,
    figure: `${spread(first, millis)} from process start to the first new output, ${spread(of("committedCpu"), millis)} of CPU`,
    peer: `of it ${imports}, log open at ${millis(median(of("opened")))}, ${tail}`,
    target: `< ${millis(targetMs)}`,
    reached: median(first) < targetMs,
  };
}

/** Runs the engine until it tells, and kills it with SIGKILL at that moment. */
async function killedAfter(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Phases> {
  const child = startPinned("restart/engine.ts", { core: engineCore, args, env });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout! })) {
    child.kill("SIGKILL");
    await ended;
    return JSON.parse(line) as Phases;
  }
  throw new Error("the engine ended before it was killed");
}
