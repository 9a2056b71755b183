import { parseArgs } from "node:util";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { dropFolder, torture } from "./torture-kafka/run.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "30" },
    nodes: { type: "string", default: "3" },
    seed: { type: "string" },
    minutes: { type: "string", default: "60" },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const seed = values.seed === undefined ? testSeed() : Number(values.seed);
console.log(`torture:kafka: SEED=${seed}`);
const { broken, lines, folder } = await torture({
  nodes: values.nodes === "1" ? 1 : 3,
  workers: 3,
  deck: Array.from({ length: Number(values.rounds) }, () => "kill a worker" as const),
  recordsPerSecond: 200,
  seed,
  minutes: Number(values.minutes),
  say: (line) => console.log(line),
});
for (const line of lines) console.log(line);
if (broken.length === 0) {
  console.log("all as if nothing had happened");
  if (values.keep) console.log(`the data lies in ${folder}`);
  else dropFolder(folder);
} else {
  process.exitCode = 1;
  console.log(`${broken.length} differences with --seed ${seed}; the evidence lies in ${folder}`);
  for (const line of broken.slice(0, 60)) console.log(`  ${line}`);
}
