import { writeFileSync } from "node:fs";
import { withClient } from "./clients.ts";
import { expectations, sumsText } from "./inputs/expected.ts";
import { generators, type InputName, partitions } from "./inputs/generate.ts";
import { Loader } from "./loader.ts";

/** Writes an input into its topic, which exists, and its answers into a file: `preload.ts INPUT RECORDS BOOTSTRAP TOPIC EXPECTED_FILE`. */
const [name = "", records = "0", bootstrap = "", topic = "", file = ""] = process.argv.slice(2);
const input = name as InputName;
const expected = input === "restore" ? undefined : expectations[input]();
/** Records of one request, some 2 MB. */
const chunk = 10_000;

await withClient(bootstrap, "preload", async (client) => {
  const loader = new Loader(client, topic, partitions);
  let sending = Promise.resolve();
  for (const record of generators[input](Number(records))) {
    expected?.take(record.partition, record.value);
    loader.add(record);
    if (loader.records % chunk > 0) continue;
    await sending;
    sending = loader.send();
    // Thrown by the next wait for it.
    sending.catch(() => undefined);
  }
  await sending;
  await loader.send();
  await loader.close();
  if (expected !== undefined) writeFileSync(file, sumsText(expected.sums()));
  console.log(JSON.stringify({ records: loader.records }));
});
