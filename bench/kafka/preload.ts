import { writeFileSync } from "node:fs";
import { withClient } from "./clients.ts";
import { expectations, sumsText } from "./inputs/expected.ts";
import { generators, type InputName, type InputRecord, partitions } from "./inputs/generate.ts";
import { Loader } from "./loader.ts";

/** Writes an input into its topic, which exists, and its answers into a file: `preload.ts INPUT RECORDS BOOTSTRAP TOPIC EXPECTED_FILE`. */
const [name = "", records = "0", bootstrap = "", topic = "", file = ""] = process.argv.slice(2);
const input = name as InputName;
const expected = input === "restore" ? undefined : expectations[input]();

await withClient(bootstrap, "preload", async (client) => {
  const loader = new Loader(client, topic, partitions);
  function* taken(): Generator<InputRecord> {
    for (const record of generators[input](Number(records))) {
      expected?.take(record.partition, record.value);
      yield record;
    }
  }
  await loader.load(taken());
  await loader.close();
  if (expected !== undefined) writeFileSync(file, sumsText(expected.sums()));
  console.log(JSON.stringify({ records: loader.records }));
});
