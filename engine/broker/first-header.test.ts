import { expect, test } from "vitest";
import { beginsWithHeader } from "./first-header.ts";
import { type BatchIndex, encodeHeaders, type HeaderList, indexBatch, RecordBatchBuilder } from "./record-batch.ts";

const name = Buffer.from("redrive");

function inFrame(headers: HeaderList): { readonly index: BatchIndex; readonly i: number } {
  const builder = new RecordBatchBuilder();
  for (const one of [[], headers, []])
    builder.append({ timestamp: 1, sequence: 0, key: "k", value: Buffer.from("v"), headers: encodeHeaders(one) });
  const { bytes, count } = builder.take()!;
  return { index: indexBatch(bytes, count), i: 1 };
}

/** Headers as in a record of Kafka's, of lengths below 64, behind some other bytes. */
function inKafka(headers: HeaderList, own: HeaderList = []): { readonly index: BatchIndex; readonly i: number } {
  const all = [...own, ...headers];
  const text = (one: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(one) * 2]), Buffer.from(one)]);
  const bytes = Buffer.concat([Buffer.from([9, 9]), Buffer.from([all.length * 2]), ...all.flat().map(text)]);
  const { index } = inFrame(headers);
  const headerStarts = Int32Array.of(0, 2);
  const headerLengths = Int32Array.of(0, headers.length === 0 ? 0 : bytes.length - 2);
  return { index: { ...index, bytes, headerStarts, headerLengths, headerFormat: "kafka" }, i: 1 };
}

test("[RD2] a record that is redriven is told by its first header, in a frame and as Kafka has it, our own there left out", () => {
  const sequence = [["millrace-seq", "12345678"]] as const;
  for (const [headers, wanted] of [
    [[["redrive", "{}"]], true],
    [
      [
        ["redrive", "{}"],
        ["a", "b"],
      ],
      true,
    ],
    [
      [
        ["a", "b"],
        ["redrive", "{}"],
      ],
      false,
    ],
    [[["redrives", "{}"]], false],
    [[["redriv", "e"]], false],
    [
      [
        ["millrace-sea", "x"],
        ["redrive", "{}"],
      ],
      false,
    ],
    [[], false],
  ] as const) {
    for (const { index, i } of [inFrame(headers), inKafka(headers), inKafka(headers, sequence)])
      expect([headers, index.headerFormat, beginsWithHeader(index, i, name)]).toEqual([headers, index.headerFormat, wanted]);
    expect(beginsWithHeader(inFrame(headers).index, 0, name)).toBe(false);
  }
});
