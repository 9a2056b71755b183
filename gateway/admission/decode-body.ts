import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import type { Limits } from "../limits.ts";
import type { Problem } from "../problem.ts";

const decoders = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
export type ContentCoding = keyof typeof decoders;
export const contentCodings = Object.keys(decoders) as readonly ContentCoding[];

/** The coding that a `Content-Encoding` header names; `identity` for none, undefined for any that is not read here (two of them included). */
export function codingOf(header: string | undefined): ContentCoding | "identity" | undefined {
  if (header === undefined) return "identity";
  const name = header.trim().toLowerCase();
  if (name === "" || name === "identity") return "identity";
  if (name === "x-gzip") return "gzip";
  return Object.hasOwn(decoders, name) ? (name as ContentCoding) : undefined;
}

export type Decoded = { readonly kind: "decoded"; readonly bytes: Buffer } | { readonly kind: "problem"; readonly problem: Problem };

/**
 * Undoes a content coding. The bound is on the output, whatever the ratio, and holds while it is written; gzip members one behind the other
 * are one body (RFC 1952), bytes behind the end of the coding are not. Runs on this thread: its time is bounded by `limits.decodedBytes`,
 * and requests stay in the order in which they came.
 */
export function decodeBody(bytes: Buffer, coding: ContentCoding | "identity", limits: Limits): Decoded {
  if (coding === "identity") return { kind: "decoded", bytes };
  try {
    // `info` adds the engine, which knows how much it read: all but gzip's reader is silent about what follows the end.
    const options = { maxOutputLength: limits.decodedBytes, info: true };
    const { buffer, engine } = decoders[coding](bytes, options) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    if (engine.bytesWritten === bytes.length) return { kind: "decoded", bytes: buffer };
    return failed(
      coding,
      `${bytes.length - engine.bytesWritten} bytes follow the end of the ${coding} data at byte ${engine.bytesWritten}`,
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE")
      return { kind: "problem", problem: tooLarge("decodedBytes", `more than ${limits.decodedBytes}`, limits) };
    return failed(coding, `the body could not be read as ${coding} (${code ?? "unknown"})`);
  }
}

const failed = (coding: string, detail: string): Decoded => ({
  kind: "problem",
  problem: { slug: "decompression-failed", detail, more: { coding } },
});

/** A 413 for one limit, with all limits in its body. */
export function tooLarge(scope: keyof Limits, actual: number | string, limits: Limits): Problem {
  const detail = `${scope} may be at most ${limits[scope]}, here it is ${actual}`;
  return { slug: "payload-too-large", detail, more: { scope, limit: limits[scope], actual, limits } };
}
