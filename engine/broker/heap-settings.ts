import { setFlagsFromString } from "node:v8";

/** What a heap may hold, live or not, before V8 first looks through all of it, MB. */
const firstCollectionMb = 256;

/**
 * V8's flags for a process through which batches pass.
 *
 * The bytes of batches count as part of the heap: by itself V8 begins a full collection whenever ArrayBuffers have grown by 64 MB, however large the heap.
 * With a million keys in memory and 50 MB/s of batches passing by that is a third of all time. And a small heap has room: what passes by would make a
 * task with little state collect four times a second, a tenth of its time, to find nothing but what had passed by.
 */
export const heapFlags: readonly string[] = [
  "--external-memory-accounted-in-global-limit",
  `--initial-old-space-size=${firstCollectionMb}`,
];

/**
 * Sets them for the whole process, all threads of it that are started from now on: so it is the program that calls this, once, before it starts anything.
 * (The room of the thread that calls it is settled by then.) A V8 without a flag says so on stderr and goes on.
 */
export function setHeapFlags(): void {
  for (const flag of heapFlags) setFlagsFromString(flag);
}
