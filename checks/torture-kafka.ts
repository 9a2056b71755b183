import { parseArgs } from "node:util";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { quickDeck, roundNames, type RoundName, shuffledDeck } from "./torture-kafka/rounds/deck.ts";
import { endBySignals } from "./torture/verdict.ts";
import { dropFolder, torture } from "./torture-kafka/run.ts";

const help = `npm run torture:kafka -- [--rounds 30] [--nodes 3|1] [--seed N] [--minutes M] [--only NAME,…] [--rate 200] [--workers 3] [--quick] [--keep]

Runs Kafka Streams' smoke test on a Kafka cluster of its own, with workers in processes of their own, and does them harm, one round after the other,
in an order of chance by the seed: ${roundNames.join(", ")}.
In the end consumers that are none of ours read every output with read_committed: nothing lost, nothing doubled, every key in its order; and the state
made from the changelogs alone must be that of the local files and of the workers' memory, store by store.

  --quick    for CI: one node; three kills, one sleep past the session, and one round of most other kinds
  --minutes  no round begins after so many (60)
  --only     rounds of these kinds alone
  --keep     leaves logs, local files and the brokers' data where they are; so does a run that fails

It ends with 1 when anything differs, and says the seed and where the evidence lies.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "30" },
    nodes: { type: "string" },
    seed: { type: "string" },
    minutes: { type: "string", default: "60" },
    only: { type: "string" },
    rate: { type: "string", default: "200" },
    workers: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
endBySignals();

const seed = values.seed === undefined ? testSeed() : Number(values.seed);
const random = seededRandom(seed);
const deck = values.quick ? quickDeck(random) : shuffledDeck(Number(values.rounds), random, kindsOf(values.only));
console.log(`torture on Kafka: ${deck.length} rounds, SEED=${seed}`);
const { broken, lines, folder } = await torture({
  nodes: nodesOf(values.nodes ?? (values.quick ? "1" : "3")),
  workers: Number(values.workers),
  deck,
  recordsPerSecond: Number(values.rate),
  seed,
  minutes: Number(values.minutes),
  say: (line) => console.log(line),
});
for (const line of lines) console.log(line);
if (broken.length === 0) {
  console.log("all as if nothing had happened");
  if (values.keep) console.log(`logs, local files and the brokers' data lie in ${folder}`);
  else dropFolder(folder);
} else {
  process.exitCode = 1;
  console.log(`${broken.length} differences; once more: --seed ${seed}; the evidence lies in ${folder}`);
  for (const line of broken.slice(0, 60)) console.log(`  ${line}`);
}
// What a run that failed left under way would keep the process for as long as its deadlines are.
process.exit();

function nodesOf(text: string): 1 | 3 {
  if (text === "1") return 1;
  if (text === "3") return 3;
  throw new Error(`--nodes is 1 or 3, not ${text}`);
}

function kindsOf(text: string | undefined): readonly RoundName[] | undefined {
  return text?.split(",").map((name) => {
    const known = roundNames.find((each) => each === name);
    if (known === undefined) throw new Error(`--only: ${name} is no round; known are ${roundNames.join(", ")}`);
    return known;
  });
}
