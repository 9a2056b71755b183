import { parseArgs } from "node:util";
import { type Figure, tableOf } from "../figures.ts";
import { diskFolder, engineCore, load, loadCore, machineFacts, withFolder } from "../machine.ts";
import { benchCommitCost } from "./commit-cost.ts";
import { benchLatency } from "./latency.ts";
import { benchRestore } from "./restore.ts";
import { benchTakeover } from "./takeover.ts";
import { benchThroughput } from "./throughput.ts";
import { findMiniLoop, findPeers } from "./contenders.ts";
import { startBroker } from "./bench-broker.ts";
import { jobs } from "./jobs/jobs.ts";
import { type KafkaBench, modes } from "./kafka-bench.ts";

const benches: Readonly<Record<string, KafkaBench>> = {
  throughput: benchThroughput,
  latency: benchLatency,
  commit: benchCommitCost,
  restore: benchRestore,
  takeover: benchTakeover,
};

const help = `npm run bench:kafka [-- NAME… --jobs LIST --modes LIST --records N --rounds N --peers DIR --mini FILE --quick]

  ${Object.keys(benches).join(" · ")}; without names all of them

  --jobs LIST   of ${Object.keys(jobs).join(",")} (default: all)
  --records N   input of each job (default 5000000)
  --modes LIST  of eos100,eos1000,alo (default: all): exactly once with so many ms between commits, and for peers at least once
  --rounds N    alternating rounds of everything that has a peer, behind one that warms up (default 3)
  --peers DIR   folder with the peers' scripts: Kafka Streams runs beside (or MILLRACE_PEERS); its setup.sh is to be run first
  --mini FILE   the hand-written loop runs beside (or MILLRACE_MINI); uses the packages of the peers' setup.sh
  --quick       small inputs and one round: whether it runs at all; its figures say nothing

A broker of its own runs on core ${loadCore} (BENCH_LOAD_CPU), the engines on core ${engineCore} (BENCH_CPU); data lies in ${diskFolder} (BENCH_DISK).
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values, positionals } = parseArgs({
  options: {
    jobs: { type: "string", default: Object.keys(jobs).join(",") },
    modes: { type: "string", default: modes.join(",") },
    records: { type: "string" },
    rounds: { type: "string" },
    peers: { type: "string" },
    mini: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
  allowPositionals: true,
});
const names = positionals.length === 0 ? Object.keys(benches) : positionals;
const unknown = names.filter((name) => !Object.hasOwn(benches, name));
const chosen = values.jobs.split(",");
const chosenModes = modes.filter((mode) => values.modes.split(",").includes(mode));
if (values.help === true || unknown.length > 0 || chosen.some((job) => !Object.hasOwn(jobs, job)) || chosenModes.length === 0) {
  say(unknown.length > 0 ? `there is no bench ${unknown.join(", ")}\n\n${help}` : help);
  process.exit(values.help === true ? 0 : 2);
}
const peersFolder = values.peers ?? process.env["MILLRACE_PEERS"];
const miniFile = values.mini ?? process.env["MILLRACE_MINI"];
const peers = peersFolder === undefined ? undefined : findPeers(peersFolder);
const mini = miniFile === undefined ? undefined : findMiniLoop(miniFile);
const { quick } = values;

// So that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

say(machineFacts());
if (peers === undefined) say("Kafka Streams is not measured: name the peers' folder by --peers, once its setup.sh was run.");
if (mini === undefined) say("The hand-written loop is not measured: name its file by --mini.");
const figures: Figure[] = [];
const known = { inputs: new Map<string, string>(), peaks: new Map<string, number>() };
let failed = false;
await withFolder(diskFolder, async (folder) => {
  const broker = await startBroker(folder, say);
  try {
    for (const name of names) {
      try {
        const settings = {
          jobs: chosen,
          modes: quick ? chosenModes.slice(0, 1) : chosenModes,
          records: Number(values.records ?? (quick ? 100_000 : 5_000_000)),
          rounds: Number(values.rounds ?? (quick ? 1 : 3)),
          quick,
        };
        figures.push(...(await benches[name]!({ ...settings, ...known, say, broker, folder, peers, mini })));
      } catch (error) {
        failed = true;
        say(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        figures.push({ job: name, figure: "failed, see above" });
      }
    }
  } finally {
    await broker.stop();
  }
});
say(`\n${tableOf(figures)}\n`);
say(machineFacts());
if (Number(load().split(" ")[0]) > 2.5) say("The machine was busy with other things: read the ratios, not the rates.");
if (quick) say("Quick: whether it runs at all; the figures say nothing.");
if (failed) process.exitCode = 1;
