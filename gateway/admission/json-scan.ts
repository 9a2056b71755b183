/** Marks of a scan: what the fast path cannot answer for and `event-faults.ts` must look at; `escape` is a surrogate or a key written with `\\u`. */
export const suspicion = { escape: 1, number: 2, duplicateKey: 4, forbiddenKey: 8 } as const;

/** What one pass over a body's bytes tells before anything is parsed. */
export type JsonScan = {
  /** Deepest nesting; the scan ends early, with `maxDepth + 1`, when that is passed. */
  readonly depth: number;
  /** Bytes of the longest string, quotes left out. */
  readonly longestString: number;
  readonly mostKeys: number;
  /** Commas, opening brackets and braces: the number of values, or a few less. The scan ends early when `maxValues` is passed. */
  readonly values: number;
  /** Bits of `suspicion`; 0 means that none of these can be there. */
  readonly suspicious: number;
};

export const forbiddenKeys = ["__proto__", "constructor", "prototype"] as const;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openObject = 0x7b;
const closeObject = 0x7d;
const openArray = 0x5b;
const closeArray = 0x5d;
const letterE = 0x45;
const smallE = 0x65;
const letterU = 0x75;
const letterD = 0x64;
const longNumberDigits = 15;
// Each key is compared with those before it: cheap for the few of an event, quadratic for an object made to hurt, which the slow path takes.
const comparedKeys = 32;

const hashOf = (key: string): number => Buffer.from(key).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
const [proto, construct, prototype] = forbiddenKeys.map(hashOf);

// One scan runs at a time and keeps nothing: the columns are made once. Key hashes of open objects lie one object behind the other.
let keyHashes = new Int32Array(4096);
let firstKey = new Int32Array(64);
let isObject = new Uint8Array(64);

/**
 * Scans `bytes[start, end)`, which need not be well-formed JSON: depth is bounded before `JSON.parse`, which has no bound of its own and
 * would hand on a value that `JSON.stringify` cannot write. Keys are compared by hash, so `duplicateKey` may be a false alarm, never missed
 * (but for escaped keys, which are marked by `escape`).
 */
export function scanJson(
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number; readonly maxDepth: number; readonly maxValues: number },
): JsonScan {
  const { end, maxDepth, maxValues } = range;
  if (firstKey.length < maxDepth + 2) {
    firstKey = new Int32Array(maxDepth + 2);
    isObject = new Uint8Array(maxDepth + 2);
  }
  let [depth, deepest, longestString, mostKeys, suspicious] = [0, 0, 0, 0, 0];
  let keys = 0;
  let values = 0;
  let digits = 0;
  let lastHash = 0;
  let escaped = false;
  isObject[0] = 0;
  // Only a text that may be a key is hashed.
  let atKey = false;
  for (let i = range.start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === quote) {
      const begin = i + 1;
      let hash = 7;
      escaped = false;
      for (i = begin; i < end; i++) {
        const inner = bytes[i]!;
        if (inner === quote) break;
        if (inner === backslash) {
          i += 1;
          if (bytes[i] === letterU) {
            escaped = true;
            if ((bytes[i + 1]! | 0x20) === letterD && bytes[i + 2]! >= 0x38) suspicious |= suspicion.escape;
          } else hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
        } else if (atKey) hash = (Math.imul(hash, 31) + inner) | 0;
      }
      if (i - begin > longestString) longestString = i - begin;
      lastHash = hash;
      digits = 0;
    } else if (byte === colon) {
      if (isObject[depth] !== 1) continue;
      if (escaped) suspicious |= suspicion.escape;
      if (lastHash === proto || lastHash === construct || lastHash === prototype) suspicious |= suspicion.forbiddenKey;
      const first = firstKey[depth]!;
      if (keys - first >= comparedKeys) suspicious |= suspicion.duplicateKey;
      else if ((suspicious & suspicion.duplicateKey) === 0) {
        for (let k = first; k < keys; k++) if (keyHashes[k] === lastHash) suspicious |= suspicion.duplicateKey;
      }
      if (keys === keyHashes.length) keyHashes = grow(keyHashes);
      keyHashes[keys++] = lastHash;
      if (keys - first > mostKeys) mostKeys = keys - first;
      digits = 0;
      atKey = false;
    } else if (byte === openObject || byte === openArray) {
      depth += 1;
      values += 1;
      if (depth > deepest) deepest = depth;
      if (depth > maxDepth || values > maxValues) break;
      atKey = byte === openObject;
      isObject[depth] = atKey ? 1 : 0;
      firstKey[depth] = keys;
    } else if (byte === closeObject || byte === closeArray) {
      if (depth > 0) keys = firstKey[depth--]!;
      digits = 0;
    } else if (byte === comma) {
      digits = 0;
      if (++values > maxValues) break;
      atKey = isObject[depth] === 1;
    } else if (byte >= 0x30 && byte <= 0x39) {
      if (++digits > longNumberDigits) suspicious |= suspicion.number;
    } else if ((byte === smallE || byte === letterE) && digits > 0) suspicious |= suspicion.number;
  }
  return { depth: deepest, longestString, mostKeys, values, suspicious };
}

function grow(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(column.length * 2);
  grown.set(column);
  return grown;
}
