import { setTimeout as sleep } from "node:timers/promises";
import { withClient } from "./clients.ts";
import { Loader } from "./loader.ts";

/** Writes small page events of now, in turn to each partition, until it is killed: `steady.ts BOOTSTRAP TOPIC PARTITIONS PER_SECOND`. */
const [bootstrap = "", topic = "", partitions = "1", perSecond = "1000"] = process.argv.slice(2);
const everyMs = 20;

await withClient(bootstrap, "steady", async (client) => {
  const loader = new Loader(client, topic, Number(partitions));
  for (const begun = performance.now(); ;) {
    const due = ((performance.now() - begun) / 1000) * Number(perSecond);
    while (loader.records < due) {
      const timestamp = Date.now();
      const key = `user-${loader.records % 1000}`;
      loader.add({
        partition: loader.records % Number(partitions),
        key,
        timestamp,
        value: `{"userId":"${key}","amount":12.34,"ts":${timestamp}}`,
      });
    }
    await loader.send();
    await sleep(everyMs);
  }
});
