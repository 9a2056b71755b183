import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithms } from "../wire/kafka-library.ts";
import { mostWithin } from "./lz4-frame.ts";

/** In the order of their numbers in a batch's attributes. */
export const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Compression = (typeof compressions)[number];

/** Far above what a broker stores; a batch that holds more is no batch of records but an attack on memory. */
export const mostBytes = 128 << 20;
const { lz4, snappy } = compressionsAlgorithms;

export function compress(kind: Exclude<Compression, "none">, bytes: Buffer): Buffer {
  switch (kind) {
    case "gzip":
      return gzipSync(bytes, { level: constants.Z_BEST_SPEED });
    case "snappy":
      return snappy.compressSync(bytes);
    case "lz4":
      return lz4.compressSync(bytes);
    case "zstd":
      return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  }
}

/** @throws {RangeError} they hold more than 128 MiB, and no more memory than that is taken @throws when the bytes are not what `kind` made */
export function decompress(kind: Exclude<Compression, "none">, bytes: Buffer): Buffer {
  try {
    return inflate(kind, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooMuch(kind);
    throw error;
  }
}

const tooMuch = (kind: Compression): RangeError => new RangeError(`more than ${mostBytes >> 20} MiB, compressed (${kind})`);

function inflate(kind: Exclude<Compression, "none">, bytes: Buffer): Buffer {
  const options = { maxOutputLength: mostBytes, chunkSize: Math.min(Math.max(bytes.length * 4, 1 << 14), 1 << 20) };
  switch (kind) {
    case "gzip":
      return gunzipSync(bytes, options);
    case "snappy":
      return isXerial(bytes) ? xerialDecompress(bytes) : snappyDecompress(bytes);
    case "lz4":
      if (mostWithin(bytes, mostBytes) > mostBytes) throw tooMuch(kind);
      return lz4.decompressSync(bytes);
    case "zstd":
      return zstdDecompressSync(bytes, options);
  }
}

/** The length is written in front; no copy of snappy's is above 64 bytes of 3, so a larger claim is none of a compressor's. */
function snappyDecompress(bytes: Buffer): Buffer {
  let length = 0;
  for (let i = 0, scale = 1; ; i++, scale *= 128) {
    const byte = bytes[i];
    if (byte === undefined || i > 4) throw new RangeError("snappy: no length");
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (length > bytes.length * 22) throw new RangeError(`snappy: ${bytes.length} bytes cannot hold ${length}`);
  if (length > mostBytes) throw tooMuch("snappy");
  return snappy.decompressSync(bytes);
}

/** Java's snappy streams: `82 "SNAPPY" 00 · i32 version · i32 compatible`, then blocks of `i32 length · snappy` one behind the other. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

const isXerial = (bytes: Buffer): boolean => bytes.length >= xerialHeaderBytes && xerialMagic.compare(bytes, 0, xerialMagic.length) === 0;

function xerialDecompress(bytes: Buffer): Buffer {
  const blocks: Buffer[] = [];
  let total = 0;
  for (let start = xerialHeaderBytes; start < bytes.length;) {
    const end = start + 4 + bytes.readUInt32BE(start);
    if (end > bytes.length) throw new RangeError(`snappy: block of ${end - start} bytes at ${start} of ${bytes.length}`);
    const block = snappyDecompress(bytes.subarray(start + 4, end));
    total += block.length;
    if (total > mostBytes) throw tooMuch("snappy");
    blocks.push(block);
    start = end;
  }
  return Buffer.concat(blocks, total);
}
