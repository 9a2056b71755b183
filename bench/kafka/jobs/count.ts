import { aggregateByWindow, chainNode, timestamped, type Timestamped, windowStore, type WindowStore, type Codec } from "@millrace/engine";
import { jsonProjection } from "#schemas/json/json-projection.ts";
import { jsonWriter } from "#schemas/json/json-writer.ts";
import { sourceOf, type Job } from "./job.ts";

type PageEvent = { readonly amount: number; readonly ts: number };
type Count = { count: number; cents: number; maxTs: number };

/** Three doubles. */
const countCodec: Codec<Count> = {
  encode: ({ count, cents, maxTs }) => {
    const bytes = Buffer.allocUnsafe(24);
    bytes.writeDoubleBE(count, 0);
    bytes.writeDoubleBE(cents, 8);
    bytes.writeDoubleBE(maxTs, 16);
    return bytes;
  },
  decode: (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, 24);
    return { count: view.getFloat64(0), cents: view.getFloat64(8), maxTs: view.getFloat64(16) };
  },
};

const write = jsonWriter(["userId", "windowStart", "count", "sum", "maxTs"]);

/** J-count: count, sum and newest by user in tumbling windows of 10 s, 5 s of grace: each update, or each window once. The sum is added in cents, which is exact. */
export const countJob = (emit: "update" | "final"): Job => ({
  source: sourceOf(jsonProjection(["amount", "ts"])),
  processor: chainNode("counts", { counts: windowStore(timestamped(countCodec)) }, (stores) => [
    aggregateByWindow<PageEvent, Count>(
      stores["counts"] as WindowStore<Timestamped<Count>>,
      { sizeMs: 10_000, graceMs: 5000, emit },
      {
        init: () => ({ count: 0, cents: 0, maxTs: 0 }),
        add: (sum, event) => {
          const { amount, ts } = event!;
          sum.count += 1;
          sum.cents += Math.round(amount * 100);
          if (ts > sum.maxTs) sum.maxTs = ts;
          return sum;
        },
      },
    ) as never,
  ]),
  key: (_value, { key }) => key,
  encode: (value, { key, windowStart }) => {
    const { count, cents, maxTs } = value as Count;
    return write({ userId: key, windowStart, count, sum: cents / 100, maxTs });
  },
});
