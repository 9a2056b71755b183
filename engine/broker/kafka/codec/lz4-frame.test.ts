import { expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { compress } from "./compression.ts";
import { mostWithin } from "./lz4-frame.ts";

test("[K128] what LZ4 holds is known before it is decompressed: to the byte where it matters, never too little elsewhere", () => {
  const random = seededRandom("K128");
  for (let round = 0; round < 200; round++) {
    // Repetitions near and far, noise, runs of one byte: lengths above and below all that a token holds.
    const parts = Array.from({ length: 1 + Math.floor(random() * 12) }, () => {
      const length = Math.floor(random() ** 3 * 60_000);
      const kind = Math.floor(random() * 3);
      if (kind === 0) return Buffer.alloc(length, Math.floor(random() * 256));
      if (kind === 1) return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
      return Buffer.alloc(length, "millrace-".repeat(1 + Math.floor(random() * 5)));
    });
    const bytes = Buffer.concat(parts);
    const frame = compress("lz4", bytes);
    expect(mostWithin(frame, 0)).toBe(bytes.length);
    expect(mostWithin(frame, Number.MAX_SAFE_INTEGER)).toBeGreaterThanOrEqual(bytes.length);
  }
});

test("[K128] checksums, lengths and stored blocks of a frame are passed over; what is none is refused", () => {
  const frame = (flags: number, ...parts: readonly (readonly number[])[]): Buffer =>
    Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40, ...parts.flat()]);
  const sum = [1, 2, 3, 4];
  const stored = [3, 0, 0, 0x80, 7, 7, 7];
  // Five literals, then 4 + 15 + 255 + 1 bytes from one behind.
  const block = [9, 0, 0, 0, 0x5f, 1, 2, 3, 4, 5, 1, 0, 255, 1, 0];
  const end = [0, 0, 0, 0];
  const length = [0, 0, 0, 0, 0, 0, 0, 0];
  expect(mostWithin(frame(0x60, [0], stored, end), 0)).toBe(3);
  expect(mostWithin(frame(0x7c, length, [0], stored, sum, stored, sum, end, sum), 0)).toBe(6);
  expect(mostWithin(frame(0x60, [0], stored, end), 0)).toBe(3);
  expect(() => mostWithin(Buffer.from("no frame at all"), 0)).toThrow(RangeError);
  expect(() => mostWithin(frame(0x60, [0], stored, end, [1]), 0)).toThrow(RangeError);
  expect(mostWithin(frame(0x60, [0], [11, 0, 0, 0, ...block.slice(4)], end), 0)).toBe(5 + 4 + 15 + 255 + 1);
});
