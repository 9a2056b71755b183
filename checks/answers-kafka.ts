import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { shippedMonth } from "#cli/replay/command.ts";
import { runReplay } from "#cli/replay/replay.ts";
import { type Cluster, startCluster } from "#infra/kafka/cluster.ts";
import { expectedAnswers } from "./judge/answers.ts";
import { compareAnswers } from "./judge/compare.ts";
import { KafkaRun } from "./path/kafka-run.ts";

const help = `node checks/answers-kafka.ts [FILE…] [--together] [--workers 1,3] [--cold 1,3] [--say]

Replays each file (or all as one) through the gateway of \`millrace run\` on a Kafka of its own, with so many workers while it is posted (live), and then
again under another topology name, from the beginning of what is in the topics, with so many workers (cold); compares every row of every query with
SQL over the CSV, and asks that no record was late. Without FILE: every month in the folder that ONLINE_RETAIL_DIR names, else the shipped month.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    together: { type: "boolean", default: false },
    workers: { type: "string", default: "1,3" },
    cold: { type: "string", default: "1,3" },
    say: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}

const openingStock = 1_000_000;
const counts = (text: string): readonly number[] => (text === "" ? [] : text.split(",").map(Number));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const files = positionals.length > 0 ? positionals : monthsOf(process.env["ONLINE_RETAIL_DIR"]);
let failed = 0;

for (const group of values.together ? [files] : files.map((file) => [file])) {
  const expected = expectedAnswers(group, { openingStock });
  const rows = Object.values(expected).reduce((sum, some) => sum + some.length, 0);
  const [first, ...others] = counts(values.workers);
  for (const [i, workers] of [first!, ...others].entries()) {
    const folder = mkdtempSync(join(tmpdir(), "millrace-answers-"));
    const cluster = await startCluster({ nodes: 1, dataFolder: join(folder, "kafka"), fresh: true });
    try {
      const judge = async (run: KafkaRun, how: string, tokens: readonly string[], begun: number): Promise<void> => {
        const differences = compareAnswers(expected, await run.answers(tokens));
        const late = await run.late();
        const good = differences.length === 0 && late.size === 0;
        if (!good) failed += 1;
        const seconds = ((performance.now() - begun) / 1000).toFixed(1);
        say(
          `${good ? "same" : "DIFFERENT"}  ${nameOf(group)}  ${how}: ${rows} rows, shown ${seconds} s, ${late.size === 0 ? "none late" : `late ${JSON.stringify([...late])}`}`,
        );
        for (const line of differences) say(`  ${line}`);
      };
      const tokens = await live(cluster, { folder, workers, files: group, judge });
      // What is in the topics is the same whoever wrote it.
      if (i > 0) continue;
      for (const cold of counts(values.cold)) {
        const begun = performance.now();
        const run = await KafkaRun.start({
          cluster,
          topology: renamed(folder, `cold-${cold}`),
          state: join(folder, `cold-${cold}`),
          workers: cold,
        });
        await judge(run, `cold, ${cold} workers`, tokens, begun);
        await run.stop();
      }
    } finally {
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;

type Judge = (run: KafkaRun, how: string, tokens: readonly string[], begun: number) => Promise<void>;
type Live = { readonly folder: string; readonly workers: number; readonly files: readonly string[]; readonly judge: Judge };

async function live(cluster: Cluster, { folder, workers, files: some, judge }: Live): Promise<readonly string[]> {
  const begun = performance.now();
  const run = await KafkaRun.start({ cluster, topology: renamed(folder, "live"), state: join(folder, "live"), workers });
  const { tokens, events } = await runReplay(
    {
      files: some,
      to: run.url,
      speed: Number.POSITIVE_INFINITY,
      stamp: "data",
      openingStock,
      repeat: 1,
      rejects: null,
      wait: false,
      batch: 1000,
      key: null,
    },
    { signal: new AbortController().signal, ...(values.say ? { say } : {}) },
  );
  say(`posted ${events.accepted} events in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  await judge(run, `live, ${workers} workers`, tokens, begun);
  await run.stop();
  return tokens;
}

/** The shop's topology under another name: its groups, repartition topics and changelogs are its own. */
function renamed(folder: string, name: string): string {
  const text = readFileSync(new URL("../topology/commerce.yaml", import.meta.url), "utf8");
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, text.replace(/^topology: .*$/m, `topology: ${name}`));
  return path;
}

function monthsOf(from: string | undefined): readonly string[] {
  if (from === undefined || from === "") return [shippedMonth];
  return readdirSync(from)
    .filter((name) => /\.csv(\.gz)?$/.test(name))
    .toSorted()
    .map((name) => join(from, name));
}

function nameOf(group: readonly string[]): string {
  return group.length === 1 ? group[0]!.slice(group[0]!.lastIndexOf("/") + 1) : `${group.length} files together`;
}
