/** Reads zigzag varints one behind the other, without an object each: `position` is where it stands. Behind the last byte it reads zeros, which end a number. */
export class VarintReader {
  bytes: Buffer;
  position: number;

  constructor(bytes: Buffer, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  /** 32 bits; what lies above them in a number that is too long is dropped. */
  int32(): number {
    const { bytes } = this;
    let byte = bytes[this.position++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let zigzag = byte & 0x7f;
    for (let shift = 7; ; shift += 7) {
      byte = bytes[this.position++]!;
      zigzag |= (byte & 0x7f) << shift;
      if (!(byte >= 0x80) || shift >= 28) return (zigzag >>> 1) ^ -(zigzag & 1);
    }
  }

  /** 64 bits, as exact as a number is. */
  int64(): number {
    const { bytes } = this;
    const start = this.position;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.position++]!;
      low |= (byte & 0x7f) << shift;
      if (!(byte >= 0x80)) return (low >>> 1) ^ -(low & 1);
    }
    let zigzag = low;
    for (let scale = 2 ** 28; scale < 2 ** 49; scale *= 2 ** 7) {
      const byte = bytes[this.position++]!;
      zigzag += (byte & 0x7f) * scale;
      if (!(byte >= 0x80)) return (low & 1) === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    this.position = start;
    return this.longest();
  }

  /** More than 49 bits. */
  private longest(): number {
    let zigzag = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.position++] ?? 0;
      zigzag |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    zigzag = BigInt.asUintN(64, zigzag);
    return Number((zigzag >> 1n) ^ -(zigzag & 1n));
  }
}

/** Bytes that a whole number of 32 bits takes. */
export function int32Size(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

/** Writes a whole number of 32 bits; answers where it ends. */
export function writeInt32(bytes: Buffer, value: number, position: number): number {
  let at = position;
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; zigzag >= 0x80; zigzag >>>= 7) bytes[at++] = (zigzag & 0x7f) | 0x80;
  bytes[at++] = zigzag;
  return at;
}

const isInt32 = (value: number): boolean => value === (value | 0);
/** Below it a zigzag is exact as a double. */
const exactBelow = 2 ** 52;
const zigzagOf = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

/** Bytes that a whole number takes, up to ±2⁵⁴: the difference of two safe integers. */
export function int64Size(value: number): number {
  if (isInt32(value)) return int32Size(value);
  if (Math.abs(value) >= exactBelow) return 8;
  let size = 5;
  for (let zigzag = zigzagOf(value) / 2 ** 28; zigzag >= 0x80; zigzag /= 0x80) size += 1;
  return size;
}

/** Writes a whole number, up to ±2⁵⁴; answers where it ends. */
export function writeInt64(bytes: Buffer, value: number, position: number): number {
  if (isInt32(value)) return writeInt32(bytes, value, position);
  let at = position;
  if (Math.abs(value) >= exactBelow) {
    let zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    for (; zigzag >= 0x80n; zigzag >>= 7n) bytes[at++] = Number(zigzag & 0x7fn) | 0x80;
    bytes[at++] = Number(zigzag);
    return at;
  }
  let zigzag = zigzagOf(value);
  for (; zigzag >= 0x80; zigzag = Math.floor(zigzag / 0x80)) bytes[at++] = (zigzag % 0x80) | 0x80;
  bytes[at++] = zigzag;
  return at;
}
