import { expect, test } from "vitest";
import { hasKcat, readCommitted, type Reader } from "./independent-readers.ts";
import { bootstrapText, createTopic, describeKafka, openClient, uniqueName } from "./kafka-test.ts";
import { RawWriter } from "./raw-writer.ts";

const readers: readonly Reader[] = (await hasKcat()) ? ["kcat", "console"] : ["console"];

describeKafka("readers that are not ours", () => {
  test.each(readers)("[K75] %s reads what is committed, byte by byte, and nothing else", { timeout: 60_000 }, async (reader) => {
    const topic = await createTopic("read", 2);
    const client = openClient("write");
    const writer = await RawWriter.open(client, uniqueName("writer"), 30_000);
    await writer.write(topic, 0, [
      { key: "a\tb\n\\N \\x41", value: "é\u0000", timestamp: 1_700_000_000_123 },
      { key: null, value: "" },
    ]);
    await writer.write(topic, 1, [{ key: "", value: null }], "zstd");
    await writer.end("commit");
    await writer.write(topic, 0, [{ value: "aborted" }]);
    await writer.end("abort");
    await writer.write(topic, 0, [{ key: "last", value: "v" }]);
    await writer.end("commit");
    await writer.write(topic, 1, [{ value: "open" }]);
    const found = await readCommitted(bootstrapText(), topic, reader);
    const texts = found.map(({ partition, offset, key, value }) => [partition, offset, key?.toString(), value?.toString()]);
    expect(texts).toEqual([
      [0, 0n, "a\tb\n\\N \\x41", "é\u0000"],
      [0, 1n, undefined, ""],
      [0, 5n, "last", "v"],
      [1, 0n, "", undefined],
    ]);
    expect(found[0]!.timestamp).toBe(1_700_000_000_123);
    await writer.end("abort");
  });
});
