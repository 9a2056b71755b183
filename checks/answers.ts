import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { shippedMonth } from "#cli/replay/command.ts";
import { expectedAnswers } from "./judge/answers.ts";
import { compareAnswers } from "./judge/compare.ts";
import { lateRecords, openRealPath } from "./path/real-path.ts";

const help = `node checks/answers.ts [FILE…] [--together] [--partitions 1,4,12] [--slices 1000] [--pipeline running,after] [--log FILE]

Replays each file (or all as one) through the gateway, the log, the commerce topology and the queries, and compares every row with SQL over the
CSV. Without FILE: every month in the folder that ONLINE_RETAIL_DIR names, else the month that the repository ships.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    together: { type: "boolean", default: false },
    partitions: { type: "string", default: "12" },
    slices: { type: "string", default: "1000" },
    pipeline: { type: "string", default: "running,after" },
    log: { type: "string", default: ":memory:" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const openingStock = 1_000_000;
const numbers = (text: string): readonly number[] => text.split(",").map(Number);
const files = positionals.length > 0 ? positionals : monthsOf(process.env["ONLINE_RETAIL_DIR"]);
let failed = 0;
for (const group of values.together ? [files] : files.map((file) => [file])) {
  const expected = expectedAnswers(group, { openingStock });
  const rows = Object.values(expected).reduce((sum, some) => sum + some.length, 0);
  for (const partitions of numbers(values.partitions)) {
    for (const records of numbers(values.slices)) {
      for (const pipeline of values.pipeline.split(",")) {
        const begun = performance.now();
        const worker = { sliceRecords: records, commitRecords: records, bufferedRecords: records };
        const path = await openRealPath({ partitions, worker, path: values.log });
        if (pipeline === "running") await path.startPipeline();
        const { tokens, events } = await path.replay(group, { openingStock });
        const posted = performance.now();
        if (pipeline !== "running") await path.startPipeline();
        await path.shown(tokens);
        const shown = performance.now();
        const late = lateRecords(path.worker);
        const differences = compareAnswers(expected, await path.answers());
        await path.close();
        const good = differences.length === 0 && Object.keys(late).length === 0;
        if (!good) failed += 1;
        const times = `posted ${seconds(posted - begun)}, shown ${seconds(shown - begun)}`;
        console.log(
          `${good ? "same" : "DIFFERENT"}  ${nameOf(group)}  pipeline ${pipeline}, ${partitions} partitions, slices of ${records}: ` +
            `${rows} rows, ${events.accepted} events, ${times}${Object.keys(late).length === 0 ? ", none late" : `, late ${JSON.stringify(late)}`}`,
        );
        for (const line of differences) console.log(`  ${line}`);
      }
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;

function monthsOf(folder: string | undefined): readonly string[] {
  if (folder === undefined || folder === "") return [shippedMonth];
  return readdirSync(folder)
    .filter((name) => /\.csv(\.gz)?$/.test(name))
    .toSorted()
    .map((name) => join(folder, name));
}

function nameOf(group: readonly string[]): string {
  return group.length === 1 ? group[0]!.slice(group[0]!.lastIndexOf("/") + 1) : `${group.length} files together`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
