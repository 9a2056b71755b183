import { parseArgs } from "node:util";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { torture } from "./torture/run.ts";
import type { Duplicates } from "./torture/server.ts";
import { endBySignals, tell } from "./torture/verdict.ts";

const help = `node checks/torture.ts [--kills 50] [--seconds 240] [--repeat 12] [--duplicates both|mixed|on|off] [--seed N] [--deadline SECONDS]

Kills a server (millrace dev) and a replayer (millrace replay) with SIGKILL, in turns, at random moments of so many seconds; the server is
started again on its data, the replayer from the beginning. In the end every answer must be that of SQL over the CSV, every event on the log,
the events of each key in order, every reservation made once. "both" is two runs, with and without the gateway's table of ids, half the kills
each; "mixed" is one, in which every other start of the server has it.
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
endBySignals();

const seed = values.seed === undefined ? testSeed() : Number(values.seed);
const modes = modesOf(values.duplicates);
for (const [i, duplicates] of modes.entries()) {
  const kills = Math.floor((Number(values.kills) + modes.length - 1 - i) / modes.length);
  console.log(`torture: ${kills} kills, the table of ids ${duplicates}, SEED=${seed}`);
  const verdict = await torture({
    kills,
    seconds: Number(values.seconds) / modes.length,
    repeat: Number(values.repeat),
    duplicates,
    seed: seed + i,
    deadlineMs: (Number(values.deadline) * 1000) / modes.length,
    say: (line) => console.log(line),
  });
  tell(verdict, (line) => console.log(line));
}

function modesOf(text: string): readonly Duplicates[] {
  if (text === "both") return ["on", "off"];
  if (text === "on" || text === "off" || text === "mixed") return [text];
  throw new Error(`--duplicates is on, off, both or mixed, not ${text}`);
}
