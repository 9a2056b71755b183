import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { type Figure, median, spread, thousands } from "../figures.ts";
import { engineCore } from "../machine.ts";
import { runPinned } from "../pinned-process.ts";
import { withClient } from "./clients.ts";
import { kafkaStreams, millrace, miniLoop } from "./contenders.ts";
import { parseSums, type Sums } from "./inputs/expected.ts";
import { partitions } from "./inputs/generate.ts";
import { jobOf } from "./jobs/jobs.ts";
import type { KafkaBench, KafkaBenchOptions } from "./kafka-bench.ts";
import { type Contender, measureRun, type Run } from "./measure-run.ts";
import { createTopics, deleteTopics } from "./topics.ts";

/** Every job from a preloaded input to its output, engine beside engine, in turns; a run whose answers differ has no figure. */
export const benchThroughput: KafkaBench = async (options) =>
  withClient(options.broker.bootstrap, "bench", async (client) => {
    const figures: Figure[] = [];
    for (const job of options.jobs) figures.push(...(await benchJob(job, client, options)));
    return figures;
  });

async function benchJob(job: string, client: KafkaClient, options: KafkaBenchOptions): Promise<Figure[]> {
  const { broker, rounds, quick, say } = options;
  const spec = jobOf(job);
  const expected = await preload(job, client, options);
  const contenders = contendersOf(job, options);
  const runs = new Map<Contender, Run[]>(contenders.map((contender) => [contender, []]));
  for (let round = quick ? 1 : 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const run = await measureRun(contender, spec, { client, brokerPid: broker.pid, job, expected });
      say(`${round === 0 ? "warm-up" : "run"} ${JSON.stringify(run)}`);
      if (round > 0) runs.get(contender)!.push(run);
    }
  }
  for (const [{ name }, all] of runs) options.peaks.set(`${job} ${name}`, median(all.map(({ recordsPerSecond }) => recordsPerSecond)));
  return [...runs].map(([{ name }, all]) => figureOf(job, name, { all, ours: [...runs.values()][0]! }));
}

/** Puts the input into its topic and answers what is expected; what the peers' model says of as many records must be the same. */
async function preload(job: string, client: KafkaClient, options: KafkaBenchOptions): Promise<Sums> {
  const { broker, folder, peers, records, inputs, say } = options;
  const { input, topics } = jobOf(job);
  const file = join(folder, `${input}.expected.tsv`);
  if (inputs.get(topics.input) !== file) {
    await deleteTopics(client, (name) => name === topics.input);
    await createTopics(client, [topics.input], { partitions });
    await runPinned("kafka/preload.ts", { core: engineCore, args: [input, String(records), broker.bootstrap, topics.input, file] });
    inputs.set(topics.input, file);
  }
  const text = readFileSync(file, "utf8");
  if (peers !== undefined) {
    const theirs = join(peers.data, `${input}.expected`);
    const counted = existsSync(`${theirs}.json`) ? (JSON.parse(readFileSync(`${theirs}.json`, "utf8")) as { input: number }).input : 0;
    if (Math.abs(counted - records) > 100)
      say(`${job}: the peers' model has no answers for ${records} records (their gen.sh makes them); ours stand alone`);
    else if (sorted(readFileSync(`${theirs}.tsv`, "utf8")) !== sorted(text))
      throw new Error(`${job}: the peers' model expects other answers`);
    else say(`${job}: the peers' model expects the same answers`);
  }
  return parseSums(text);
}

const sorted = (text: string): string => text.split("\n").sort().join("\n");

function contendersOf(job: string, { broker: { bootstrap }, folder, peers, mini, modes }: KafkaBenchOptions): readonly Contender[] {
  const place = { bootstrap, folder };
  const ours = modes.flatMap((mode) => (mode === "alo" ? [] : [millrace(job, Number(mode.slice(3)), place)]));
  const streams = peers === undefined ? [] : modes.map((mode) => kafkaStreams(job, mode, { ...place, peers }));
  const canMini = mini !== undefined && modes.includes("eos100") && ["stateless", "count:U"].includes(job);
  const loops = canMini ? [["json=scan"], ["json=parse"]].map((flags) => miniLoop(job, 100, { ...place, ...mini, options: flags })) : [];
  return [...ours, ...streams, ...loops];
}

function figureOf(job: string, name: string, { all, ours }: { readonly all: readonly Run[]; readonly ours: readonly Run[] }): Figure {
  const wrong = all.filter(({ ok }) => !ok);
  if (wrong.length > 0)
    return { job, figure: `${name}: ${wrong[0]!.wrongKeys} keys have other answers in ${wrong.length} of ${all.length} runs` };
  const of = (what: (run: Run) => number, runs = all): number[] => runs.map(what);
  const perCpu = of((run) => run.recordsPerCpuSecond);
  const ratio = median(of((run) => run.recordsPerCpuSecond, ours)) / median(perCpu);
  return {
    job: `${job}, ${name}`,
    figure: `${spread(
      of((run) => run.recordsPerSecond),
      thousands,
    )} records/s, ${spread(perCpu, thousands)} per CPU-s, ${median(of((run) => run.peakRssMb))} MiB`,
    peer: all === ours ? "" : `ours does ${ratio.toFixed(2)} times its records per CPU-s`,
  };
}
