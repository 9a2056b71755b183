const magic = 0x184d_2204;
/** Bits of a frame's flags: each block has a checksum, the content's length is told, the content has a checksum, a dictionary is named. */
const flag = { blockSums: 0x10, length: 0x08, contentSum: 0x04, dictionary: 0x01 } as const;
/** In the order of their numbers, of which the first is 4. */
const blockSizes = [64 << 10, 256 << 10, 1 << 20, 4 << 20] as const;
const storedBit = 0x8000_0000;
/** Of one byte of lengths a block gets 255 more. */
const steepest = 255;

/**
 * What frames of LZ4 hold at most, without decompressing them (the lengths that they tell nobody checks): by the sizes of their blocks, and only where
 * those allow more than `limit`, by walking through their sequences. Source: the LZ4 frame and block formats, 1.6.4.
 * @throws {RangeError} where no frame begins
 */
export function mostWithin(bytes: Buffer, limit: number): number {
  const atMost = sizeOf(bytes, (block, size) => Math.min(size, block.length * steepest));
  return atMost <= limit ? atMost : sizeOf(bytes, (block, size) => Math.min(size, walked(block)));
}

function sizeOf(bytes: Buffer, ofBlock: (block: Buffer, size: number) => number): number {
  let total = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 7 || bytes.readUInt32LE(at) !== magic) throw new RangeError(`lz4: no frame at byte ${at} of ${bytes.length}`);
    const flags = bytes[at + 4]!;
    const size = blockSizes[((bytes[at + 5]! >> 4) & 7) - 4];
    if (size === undefined) throw new RangeError("lz4: blocks of an unknown size");
    at += 7 + ((flags & flag.length) === 0 ? 0 : 8) + ((flags & flag.dictionary) === 0 ? 0 : 4);
    // What is cut the decoder refuses.
    for (; at + 4 <= bytes.length;) {
      const head = bytes.readUInt32LE(at);
      at += 4;
      if (head === 0) break;
      const length = head & ~storedBit;
      total += (head & storedBit) === 0 ? ofBlock(bytes.subarray(at, at + length), size) : length;
      at += length + ((flags & flag.blockSums) === 0 ? 0 : 4);
    }
    if ((flags & flag.contentSum) !== 0) at += 4;
  }
  return total;
}

/** A sequence is `u4 literals · u4 match - 4`, each with more bytes behind 15, the literals, `u16 distance`; the last one has literals only. */
function walked(block: Buffer): number {
  let total = 0;
  let at = 0;
  const more = (first: number): number => {
    let length = first;
    if (first < 15) return length;
    for (let byte = 255; byte === 255 && at < block.length; length += byte) byte = block[at++]!;
    return length;
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = more(token >> 4);
    at += literals;
    total += literals;
    if (at >= block.length) break;
    at += 2;
    total += more(token & 15) + 4;
  }
  return total;
}
