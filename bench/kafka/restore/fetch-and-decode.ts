import { groupOf, taskId } from "@millrace/engine";
import { listOffsets } from "../../../engine/broker/kafka/admin/offsets.ts";
import { committedRanges } from "../../../engine/broker/kafka/fetch/committed-ranges.ts";
import { changelogOf } from "../../../engine/broker/kafka/names.ts";
import { withClient } from "../clients.ts";
import { partitions, subTopology } from "./job.ts";

/** Reads a changelog, checks and indexes its records, and does nothing with them: `fetch-and-decode.ts BOOTSTRAP NAME`. */
const [bootstrap = "", name = ""] = process.argv.slice(2);
await withClient(bootstrap, "bench", async (client) => {
  const places = Array.from({ length: partitions }, (_, partition) => changelogOf(groupOf(name), taskId(subTopology, partition)));
  const [starts, ends] = await Promise.all([
    listOffsets(client, places, { at: { kind: "earliest" } }),
    listOffsets(client, places, { at: { kind: "high-watermark" } }),
  ]);
  const ranges = places.map((place, i) => ({ ...place, from: starts[i]!.offset, to: ends[i]!.offset }));
  let records = 0;
  let bytes = 0;
  const begun = performance.now();
  const before = process.cpuUsage();
  await committedRanges(client, ranges, {
    each: ({ parts }) => {
      for (const { index } of parts) {
        records += index.count;
        bytes += index.bytes.length;
      }
    },
  });
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ records, bytes, ms: performance.now() - begun, cpuMs: (user + system) / 1000, systemMs: system / 1000 }));
});
