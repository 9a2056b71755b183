import { setTimeout as sleep } from "node:timers/promises";
import { withClient } from "../clients.ts";
import type { InputRecord } from "../inputs/generate.ts";
import { Loader } from "../loader.ts";
import { partitions, rowOf, topics } from "./job.ts";

/** Fills the input: `feed.ts BOOTSTRAP KEYS` writes each key once; `feed.ts BOOTSTRAP KEYS PER_SECOND` changes keys here and there until it is killed. */
const [bootstrap = "", keys = "0", perSecond] = process.argv.slice(2);
const count = Number(keys);
const everyMs = 5;

await withClient(bootstrap, "feed", async (client) => {
  const loader = new Loader(client, topics.input, partitions);
  const recordOf = (i: number, salt: number): InputRecord => ({ ...rowOf(i, salt), timestamp: Date.now() });
  if (perSecond === undefined) {
    function* each(): Generator<InputRecord> {
      for (let i = 0; i < count; i++) yield recordOf(i, 0);
    }
    await loader.load(each());
    await loader.close();
    console.log(JSON.stringify({ records: loader.records }));
    return;
  }
  for (const begun = performance.now(); ;) {
    const due = ((performance.now() - begun) / 1000) * Number(perSecond);
    for (; loader.records < due;) loader.add(recordOf(Math.imul(loader.records, 7919) % count, loader.records + 1));
    await loader.send();
    await sleep(everyMs);
  }
});
