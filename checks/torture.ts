import { parseArgs } from "node:util";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { torture } from "./torture/run.ts";

const help = `node checks/torture.ts [--kills 50] [--seconds 240] [--repeat 12] [--duplicates on|off|both] [--seed N] [--deadline SECONDS]

Kills a server (millrace dev) and a replayer (millrace replay) with SIGKILL, in turns, at random moments of so many seconds; the server is
started again on its data, the replayer from the beginning. In the end every answer must be that of SQL over the CSV, every event on the log,
the events of each key in order, every reservation made once. "both" does it with and without the gateway's table of ids, half the kills each.
`;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seconds: { type: "string", default: "240" },
    repeat: { type: "string", default: "12" },
    duplicates: { type: "string", default: "both" },
    seed: { type: "string" },
    deadline: { type: "string", default: "1800" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const seed = values.seed === undefined ? testSeed() : Number(values.seed);
const modes = values.duplicates === "both" ? [true, false] : [values.duplicates === "on"];
const shares = modes.length === 2 ? [Math.ceil(Number(values.kills) / 2), Math.floor(Number(values.kills) / 2)] : [Number(values.kills)];
for (const [i, duplicates] of modes.entries()) {
  console.log(`torture: ${shares[i]} kills, the table of ids ${duplicates ? "on" : "off"}, SEED=${seed}`);
  const { broken, lines, data } = await torture({
    kills: shares[i]!,
    seconds: Number(values.seconds) / modes.length,
    repeat: Number(values.repeat),
    duplicates,
    seed: seed + i,
    deadlineMs: (Number(values.deadline) * 1000) / modes.length,
    say: (line) => console.log(line),
  });
  for (const line of lines) console.log(line);
  if (broken.length === 0) console.log("all as if nobody had been killed\n");
  else {
    process.exitCode = 1;
    console.log(`${broken.length} differences; the data lies in ${data}`);
    for (const line of broken.slice(0, 40)) console.log(`  ${line}`);
  }
}
