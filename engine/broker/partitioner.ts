/**
 * murmur2 as the Java client computes it (seed 0x9747b28c, signed arithmetic), over the key's bytes.
 * Source: Apache Kafka `Utils.murmur2` (described in KIP-480's default partitioner); tested against values of the Java client.
 */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const blocks = length >> 2;
  for (let i = 0; i < blocks; i++) {
    const at = i << 2;
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const tail = blocks << 2;
  switch (length & 3) {
    // @ts-expect-error: the three cases fall through on purpose, as in the reference
    case 3:
      h ^= bytes[tail + 2]! << 16;
    // @ts-expect-error: see above
    case 2:
      h ^= bytes[tail + 1]! << 8;
    case 1:
      h ^= bytes[tail]!;
      h = Math.imul(h, m);
      break;
    default:
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h;
}

const scratch = new Uint8Array(256);

/** The partition that Kafka's Java producer would choose for a key. */
export function partitionOf(key: string | Uint8Array, partitions: number): number {
  return ((typeof key === "string" ? hashOf(key) : murmur2(key)) & 0x7fffffff) % partitions;
}

/** Nearly all keys are short and ASCII: their bytes are their characters. */
function hashOf(key: string): number {
  const { length } = key;
  if (length > scratch.length) return murmur2(Buffer.from(key));
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i);
    if (code > 127) return murmur2(Buffer.from(key));
    scratch[i] = code;
  }
  return murmur2(scratch, length);
}
