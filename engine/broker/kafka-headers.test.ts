import { expect, test } from "vitest";
import { frameHeadersOf } from "./kafka-headers.ts";
import { decodeHeaders } from "./record-batch.ts";

/** Headers as in a record of Kafka's, of lengths below 64. */
const headers = (...list: readonly (readonly [name: string, value: string | null])[]): Buffer => {
  const text = (value: string | null): Buffer =>
    value === null ? Buffer.from([1]) : Buffer.concat([Buffer.from([Buffer.byteLength(value) * 2]), Buffer.from(value)]);
  return Buffer.concat([Buffer.from([list.length * 2]), ...list.flat().map(text)]);
};

test("[K9] headers are brought into a frame's form, wherever they lie, in their order and as often as they are there", () => {
  const list = [
    ["a", "1"],
    ["ключ", "значение"],
    ["a", "2"],
    ["", ""],
    ["empty", ""],
  ] as const;
  const bytes = Buffer.concat([Buffer.alloc(9, 0xff), headers(...list), Buffer.alloc(3, 0xff)]);
  expect(decodeHeaders(frameHeadersOf(bytes, 9))).toEqual(list);
  expect(frameHeadersOf(Buffer.from([0]), 0).length).toBe(0);
});

test("[K9] a header without a value reads as an empty text, our own are left out", () => {
  const bytes = headers(["millrace-seq", "12345678"], ["none", null], ["millrace-mark", ""], ["millrace-sea", "x"]);
  expect(decodeHeaders(frameHeadersOf(bytes, 0))).toEqual([
    ["none", ""],
    ["millrace-sea", "x"],
  ]);
});

test("[K9] a name that a frame cannot hold is left out", () => {
  const [count, one, long, empty] = [[4], [2, 0x61, 0], [0x80, 0x80, 0x08], [0]];
  const bytes = Buffer.concat([Buffer.from([...count!, ...one!, ...long!]), Buffer.alloc(65_536, 0x62), Buffer.from(empty!)]);
  expect(decodeHeaders(frameHeadersOf(bytes, 0))).toEqual([["a", ""]]);
});
