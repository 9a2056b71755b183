import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { mapRecord } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { aggregateByWindow } from "#operators/window-aggregate.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import { jsonCodec } from "./json-codec.ts";

/** Counts by windows of 20 ms with 5 ms of grace: short enough that a mark too far ahead makes records late. */
export const windowCounts = (): BoundProcessor =>
  chainNode("counts", { windows: windowStore(timestamped(jsonCodec)) }, ({ windows }) => [
    aggregateByWindow(
      windows as WindowStore<Timestamped<number>>,
      { sizeMs: 20, graceMs: 5, emit: "update" },
      { init: () => 0, add: (n) => n + 1 },
    ) as never,
  ]);

/** Numbers under as many other keys, so that they go to other partitions. */
export const rekeyNumbers = (keys: number): BoundProcessor =>
  chainNode("rekey", {}, () => [mapRecord((n: number) => ({ key: `k${n % keys}`, value: n })) as never]);
