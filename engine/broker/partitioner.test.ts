import { expect, test } from "vitest";
import { murmur2, partitionOf } from "./partitioner.ts";

// Values of Apache Kafka's own UtilsTest.testMurmur2, computed by the Java client.
const javaValues: readonly (readonly [key: string, hash: number])[] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

test.each(javaValues)("[L18] murmur2 of %j is what the Java client computes", (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

test("[L18] a key's partition is its hash without the sign bit, over the number of partitions", () => {
  for (const [key, hash] of javaValues) {
    for (const partitions of [1, 4, 12]) {
      expect(partitionOf(key, partitions)).toBe((hash & 0x7fffffff) % partitions);
      expect(partitionOf(Buffer.from(key), partitions)).toBe(partitionOf(key, partitions));
    }
  }
});
