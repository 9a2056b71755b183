import { crc32 } from "node:zlib";
import type { Commit } from "./broker.ts";

/** Tells a repeated commit from another one with the same numbers, without keeping its bytes. */
export function fingerprintOf({ generation, tasks, watermarks }: Commit): string {
  const size = ({ topic, partition, count, bytes }: Commit["watermarks"][number]): string =>
    `${topic}/${partition}:${count}:${bytes.length}`;
  const parts = tasks.map(({ task, number, next, meta, changes, outputs }) => [
    task,
    String(number),
    next.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`),
    crc32(meta),
    changes.map(({ store, bytes }) => `${store}:${bytes.length}`),
    outputs.map(size),
  ]);
  return JSON.stringify([generation, parts, watermarks.map(size)]);
}
