import { expect, test } from "vitest";
import { seededRandom } from "../../conformance-harness.ts";
import { FrameCutter } from "./frames.ts";

const frame = (bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes, bytes & 0xff);
  buffer.writeInt32BE(bytes - 4, 0);
  return buffer;
};

test("[K70] frames are told apart however the bytes are cut, and nothing is added, lost or moved", () => {
  const random = seededRandom("frames");
  for (let round = 0; round < 200; round++) {
    const frames = Array.from({ length: 1 + Math.floor(random() * 12) }, () => frame(8 + Math.floor(random() ** 4 * 5000)));
    const stream = Buffer.concat(frames);
    const cutter = new FrameCutter(8);
    const out: Buffer[] = [];
    const heads: { size: number; frameBytes: number }[] = [];
    let ends = 0;
    for (let at = 0; at < stream.length;) {
      const next = at + 1 + Math.floor(random() ** 3 * 900);
      for (const { head, bytes, frameBytes, last } of cutter.cut(stream.subarray(at, next))) {
        out.push(bytes);
        if (head !== undefined) heads.push({ size: head.readInt32BE(0), frameBytes });
        if (last) ends++;
      }
      at = next;
    }
    expect(Buffer.concat(out).equals(stream)).toBe(true);
    expect(heads).toEqual(frames.map(({ length }) => ({ size: length - 4, frameBytes: length })));
    expect([ends, cutter.between]).toEqual([frames.length, true]);
  }
});

test("[K70] what is no frame is refused, and whole frames in one chunk come in one part", () => {
  expect(() => [
    ...new FrameCutter(12).cut(Buffer.from("\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\u0000", "latin1")),
  ]).toThrow("no frame");
  expect(() => [...new FrameCutter(12).cut(frame(11 + 1).fill(0, 0, 4))]).toThrow(RangeError);
  const whole = frame(300);
  const [part, ...more] = new FrameCutter(12).cut(whole);
  expect(more).toEqual([]);
  expect(part).toMatchObject({ last: true, frameBytes: 300 });
  expect(part?.bytes.equals(whole)).toBe(true);
});
