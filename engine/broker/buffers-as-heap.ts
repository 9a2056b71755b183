import { setFlagsFromString } from "node:v8";

/**
 * Lets V8 count the bytes of batches as part of the heap of the process. By itself it begins a full collection whenever ArrayBuffers have grown by 64 MB,
 * however large the heap: with a million keys in memory and 50 MB/s of batches passing by that is a third of all time. For the whole process, all
 * threads of it: so it is the program that calls this, once, before it starts anything. A V8 without the flag says so on stderr and goes on.
 */
export function countBuffersAsHeap(): void {
  setFlagsFromString("--external-memory-accounted-in-global-limit");
}
