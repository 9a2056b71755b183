import { expect, test } from "vitest";
import { seededRandom } from "../conformance-harness.ts";
import { partitionOf } from "../partitioner.ts";
import { javaWithKafka, readCommitted } from "./proving/independent-readers.ts";
import { bootstrapText, createTopic, describeKafka } from "./proving/kafka-test.ts";
import { outputOf } from "./proving/run-program.ts";

const partitions = 12;
const count = 10_000;
const source = new URL("proving/ProduceKeys.java", import.meta.url).pathname;

const pick = <T>(random: () => number, from: ArrayLike<T>): T => from[Math.floor(random() * from.length)]!;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/ ";
const signs = ["ä", "ß", "é", "語", "鍵", "Ω", "🛒", "🧾", "\u0000", "\u00ad", "ﷺ", "a", "7"];

/** Keys as shops have them and as they never should be. */
function randomKey(random: () => number): Buffer {
  const length = Math.floor(random() ** 2 * 40);
  const kind = random();
  if (kind < 0.02) return Buffer.alloc(0);
  if (kind < 0.5) return Buffer.from(Array.from({ length }, () => pick(random, letters)).join(""));
  if (kind < 0.75) return Buffer.from(Array.from({ length }, () => pick(random, signs)).join(""));
  const bytes = kind < 0.98 ? length : 1000 + Math.floor(random() * 9000);
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

function framed(key: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(key.length);
  return Buffer.concat([length, key]);
}

describeKafka("beside Kafka's own producer", () => {
  test("[K76] 10,000 random keys land where the Java producer puts them", { timeout: 120_000 }, async () => {
    const random = seededRandom("keys");
    const keys = Array.from({ length: count }, () => randomKey(random));
    const topic = await createTopic("partitioner", partitions);
    const { java, classPath } = await javaWithKafka();
    const said = await outputOf(java, ["-cp", classPath, source, bootstrapText(), topic], Buffer.concat(keys.map(framed)));
    expect(said.toString().trim()).toBe(String(count));
    const found = await readCommitted(bootstrapText(), topic);
    expect(found).toHaveLength(count);
    const seen = new Set<number>();
    for (const { partition, key, value } of found) {
      const number = Number(value!.toString());
      const sent = keys[number]!;
      if (!key!.equals(sent) || partition !== partitionOf(sent, partitions)) {
        expect({ key: key!.toString("hex"), partition }).toEqual({ key: sent.toString("hex"), partition: partitionOf(sent, partitions) });
      }
      // A text has the partition of its bytes; bytes that are no UTF-8 are no text.
      const text = sent.toString();
      if (Buffer.from(text).equals(sent)) expect(partitionOf(text, partitions)).toBe(partition);
      seen.add(number);
    }
    expect(seen.size).toBe(count);
    expect(new Set(found.map(({ partition }) => partition)).size).toBe(partitions);
  });
});
