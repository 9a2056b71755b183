import { parseArgs } from "node:util";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { postgresPrograms } from "#sinks/proving/postgres-server.ts";
import { endBySignals, tell } from "./torture/verdict.ts";
import { tortureSinks } from "./torture-sinks/run.ts";

const help = `node checks/torture-sinks.ts [--kills 30] [--apart 3000] [--rate 200] [--seed N] [--deadline SECONDS]

Kills millrace dev with SIGKILL at random moments while orders are posted and two sinks deliver: to a table of a real PostgreSQL, and to a
receiver of webhooks in a process of its own, which takes each idempotency key once. In the end the query, the table and what the receiver has
must be what was posted; nothing lost, nothing out of order.

  --apart MS   the longest time between two kills
  --rate N     orders a second

Needs Debian's postgresql.
`;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "30" },
    apart: { type: "string", default: "3000" },
    rate: { type: "string", default: "200" },
    seed: { type: "string" },
    deadline: { type: "string", default: "1800" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
if (postgresPrograms === undefined) {
  console.log("no PostgreSQL is installed: apt-get install postgresql");
  process.exit(2);
}
endBySignals();
setTimeout(
  () => {
    console.log(`not ended within ${values.deadline} s`);
    process.exit(1);
  },
  Number(values.deadline) * 1000,
).unref();

const seed = values.seed === undefined ? testSeed() : Number(values.seed);
const kills = Number(values.kills);
console.log(`torture of sinks: ${kills} kills, ${values.rate} orders a second, SEED=${seed}`);
const options = { kills, apartMs: Number(values.apart), rate: Number(values.rate), seed, say: (line: string) => console.log(line) };
tell(await tortureSinks(options), (line) => console.log(line));
