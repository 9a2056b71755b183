import { expect, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { decodeNote, encodeNote, fitsNote } from "./offset-note.ts";

const note = {
  task: taskId("lines", 3),
  by: "c29tZW9u-_",
  number: 123_456_789_012_345n,
  changelogNumber: 0n,
  changelog: "c0ffee-1",
  meta: undefined,
};

test("[K80] a note comes back as it was written, with and without meta", () => {
  expect(decodeNote(encodeNote(note))).toEqual(note);
  for (const length of [0, 1, 2400]) {
    const meta = Buffer.alloc(length, 0xfe);
    expect(fitsNote(meta)).toBe(true);
    const text = encodeNote({ ...note, meta });
    expect(text.length).toBeLessThan(4096);
    expect(decodeNote(text)).toEqual({ ...note, meta });
  }
  expect(fitsNote(Buffer.alloc(2401))).toBe(false);
});

test("[K80] what others note beside their offsets is not ours", () => {
  for (const text of [
    null,
    "",
    "millrace1",
    "millrace1 x",
    "millrace2 lines/3 a 1 1 c",
    "consumer-1",
    "millrace1 lines/3 a -1 0 c",
    "millrace1 lines/3 1 1",
  ])
    expect(decodeNote(text)).toBeUndefined();
});
