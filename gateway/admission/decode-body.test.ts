import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { defaultLimits } from "../limits.ts";
import { codingOf, contentCodings, type Decoded, decodeBody } from "./decode-body.ts";

const encode = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
const limits = { ...defaultLimits, decodedBytes: 100_000 };
const slugOf = (decoded: Decoded): string => (decoded.kind === "problem" ? decoded.problem.slug : "decoded");

test.each(contentCodings)("[G2] %s is undone up to the cap, which the output must not pass", (coding) => {
  for (const n of [0, 99_999, 100_000]) {
    expect(decodeBody(encode[coding](Buffer.alloc(n, 0x20)), coding, limits)).toMatchObject({ bytes: { length: n } });
  }
  expect(slugOf(decodeBody(encode[coding](Buffer.alloc(100_001)), coding, limits))).toBe("payload-too-large");
});

test.each(contentCodings)("[G2] 100 MiB made small by %s are refused at the cap", (coding) => {
  const bomb = encode[coding](Buffer.alloc(104_857_600));
  expect(bomb.length).toBeLessThan(110_000);
  const startedAt = performance.now();
  expect(slugOf(decodeBody(bomb, coding, limits))).toBe("payload-too-large");
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test.each(contentCodings)("[G2] what is not %s, ends early, or is followed by other bytes is refused", (coding) => {
  const whole = encode[coding](Buffer.from("[{}]"));
  expect(slugOf(decodeBody(Buffer.from("[{}]"), coding, limits))).toBe("decompression-failed");
  expect(slugOf(decodeBody(whole.subarray(0, whole.length - 2), coding, limits))).toBe("decompression-failed");
  expect(slugOf(decodeBody(Buffer.concat([whole, Buffer.from("junk")]), coding, limits))).toBe("decompression-failed");
});

test("[G2] gzip members one behind the other are one body, and count to the cap together", () => {
  const half = gzipSync(Buffer.alloc(50_000, 0x20));
  expect(decodeBody(Buffer.concat([half, half]), "gzip", limits)).toMatchObject({ bytes: { length: 100_000 } });
  expect(slugOf(decodeBody(Buffer.concat([half, half, half]), "gzip", limits))).toBe("payload-too-large");
  expect(slugOf(decodeBody(Buffer.concat([half, Buffer.alloc(8)]), "gzip", limits))).toBe("decompression-failed");
});

test("[G2] one coding only, by its registered names", () => {
  expect([undefined, "", "identity", "gzip", "x-gzip", "GZIP", "deflate", "br", "zstd"].map(codingOf)).toEqual([
    "identity",
    "identity",
    "identity",
    "gzip",
    "gzip",
    "gzip",
    "deflate",
    "br",
    "zstd",
  ]);
  expect(["gzip, gzip", "compress", "gzip,", "__proto__", "toString"].map(codingOf)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
