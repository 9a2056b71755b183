import { parseArgs } from "node:util";
import { benchAggregate } from "./aggregate/aggregate.ts";
import { type Bench, type Figure, millis, tableOf } from "./figures.ts";
import { diskFolder, engineCore, load, loadCore, machineFacts, memoryFolder, probeDisk } from "./machine.ts";

import { benchGateway } from "./gateway/gateway.ts";
import { benchLatency } from "./latency/latency.ts";
import { benchReplay } from "./replay/replay.ts";
import { benchCommerce } from "./commerce/commerce.ts";
import { benchRestart } from "./restart/restart.ts";
import { benchStreams } from "./streams/streams.ts";
const benches: Readonly<Record<string, Bench>> = {
  aggregate: benchAggregate,
  commerce: benchCommerce,
  restart: benchRestart,
  gateway: benchGateway,
  latency: benchLatency,
  replay: benchReplay,
  streams: benchStreams,
};

const help = `npm run bench [-- NAME… --rounds N --quick]

  ${Object.keys(benches).join(" · ")}; without names all of them

  --rounds N   alternating rounds of everything that has a peer (default 3)
  --quick      small inputs and one round: whether it runs at all; its figures say nothing

BENCH_DIR (${memoryFolder}) holds what is bound by the processor, BENCH_DISK (${diskFolder}) what is made durable; BENCH_CPU (${engineCore}) is the core that is
measured, BENCH_LOAD_CPU (${loadCore}) that of the load; BENCH_SECONDS (300) is how long streams are read.
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, quick: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
  allowPositionals: true,
});
const names = positionals.length === 0 ? Object.keys(benches) : positionals;
const unknown = names.filter((name) => !Object.hasOwn(benches, name));
if (values.help === true || unknown.length > 0) {
  say(unknown.length > 0 ? `there is no bench ${unknown.join(", ")}\n\n${help}` : help);
  process.exit(unknown.length > 0 ? 2 : 0);
}

say(machineFacts());
const figures: Figure[] = [];
let failed = false;
for (const name of names) {
  try {
    figures.push(...(await benches[name]!({ quick: values.quick, rounds: values.quick ? 1 : Number(values.rounds), say })));
  } catch (error) {
    failed = true;
    say(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    figures.push({ job: name, figure: "failed, see above" });
  }
}
const { p50, p99 } = probeDisk();
say(`\n${tableOf(figures)}\n`);
say(`${machineFacts()}; fdatasync of 64 KiB ${millis(p50)}/${millis(p99)} (p50/p99) on ${diskFolder}`);
if (load().split(" ").map(Number)[0]! > 2.5) say("The machine was busy with other things: read the shares, not the rates.");
if (values.quick) say("Quick: whether it runs at all; the figures say nothing.");
if (failed) process.exitCode = 1;
