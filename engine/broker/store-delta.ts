/**
 * What one commit changed in one store: `u8 version · u8 kind (0 key-value, 1 window) · u32 count`, then `count` entries
 * `varint keyLength × 4 + op · key · [put: varint valueLength · value]`. A key is its UTF-8 bytes; in a window store the window's start
 * stands before it, 8 bytes big-endian, so that keys sort as bytes like their entries do. An expire has the start alone as its key, a clear
 * (all that was before is of another store that had the name) none.
 */
export type StoreKind = "key-value" | "window";
export const deltaOps = { put: 0, delete: 1, expire: 2, clear: 3 } as const;

const version = 1;
const headerBytes = 6;
const kindCodes = { "key-value": 0, window: 1 } as const;
export const startBytes = 8;

/** Writes deltas one after the other into one buffer that grows and is used again. */
export class DeltaWriter {
  count = 0;
  private buffer: Buffer = Buffer.allocUnsafeSlow(1 << 16);
  private at = 0;

  begin(kind: StoreKind): void {
    this.buffer[0] = version;
    this.buffer[1] = kindCodes[kind];
    this.at = headerBytes;
    this.count = 0;
  }

  /** `start` < 0 stands for none. */
  put(start: number, key: string, value: Uint8Array): void {
    this.key(start, key, deltaOps.put, value.length + 5);
    this.varint(value.length);
    const { buffer } = this;
    let { at } = this;
    if (value.length > 24) {
      buffer.set(value, at);
      at += value.length;
    } else {
      for (let i = 0; i < value.length; i++) buffer[at++] = value[i]!;
    }
    this.at = at;
  }

  /** An entry whose key is as rows have it; without a value, a delete. */
  row(rowKey: Uint8Array, value: Uint8Array | null): void {
    this.reserve(rowKey.length + (value?.length ?? 0) + 10);
    this.varint(rowKey.length * 4 + (value === null ? deltaOps.delete : deltaOps.put));
    this.buffer.set(rowKey, this.at);
    this.at += rowKey.length;
    this.count += 1;
    if (value === null) return;
    this.varint(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  delete(start: number, key: string): void {
    this.key(start, key, deltaOps.delete, 0);
  }

  expire(before: number): void {
    this.key(before, "", deltaOps.expire, 0);
  }

  /** The delta, in a buffer of its own. */
  take(): Uint8Array<ArrayBuffer> {
    this.buffer.writeUInt32BE(this.count, 2);
    const bytes = new Uint8Array(this.at);
    bytes.set(this.buffer.subarray(0, this.at));
    return bytes;
  }

  clear(): void {
    this.reserve(1);
    this.buffer[this.at++] = deltaOps.clear;
    this.count += 1;
  }

  private key(start: number, key: string, op: number, more: number): void {
    const units = key.length;
    this.reserve(startBytes + 5 + units * 3 + more);
    const { buffer } = this;
    const lead = start < 0 ? 0 : startBytes;
    // Nearly all keys are short and ASCII: then the length is known before the bytes are.
    let { at } = this;
    const keyLength = units < 24 && isAscii(key) ? units : Buffer.byteLength(key);
    const head = (lead + keyLength) * 4 + op;
    if (head < 0x80) buffer[at++] = head;
    else {
      this.varint(head);
      at = this.at;
    }
    if (lead > 0) at = writeStart(buffer, at, start);
    if (units < 24 && keyLength === units) {
      for (let i = 0; i < units; i++) buffer[at++] = key.charCodeAt(i);
      this.at = at;
    } else this.at = at + buffer.write(key, at, keyLength);
    this.count += 1;
  }

  private varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.at++] = rest;
  }

  private reserve(more: number): void {
    if (this.at + more <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + more));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }
}

/** Stands on one entry of a delta at a time; the fields are those of the entry that `next` came to. */
export class DeltaReader {
  readonly kind: StoreKind;
  readonly count: number;
  op: number = deltaOps.put;
  /** Start of the window, or −1. */
  start = -1;
  private readonly buffer: Buffer;
  private readonly broken: (what: string) => Error;
  private at = headerBytes;
  private rowStart = 0;
  private keyStart = 0;
  private keyEnd = 0;
  private valueStart = 0;
  private valueEnd = 0;
  private left: number;

  /** `broken` makes the error that this and `next` throw when the bytes are no delta; it is told what was found where. */
  constructor(bytes: Uint8Array, broken: (what: string) => Error) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.broken = broken;
    const kind = this.buffer[1];
    if (bytes.length < headerBytes || this.buffer[0] !== version || kind === undefined || kind > 1) throw this.corrupt("header");
    this.kind = kind === 0 ? "key-value" : "window";
    this.count = this.left = this.buffer.readUInt32BE(2);
  }

  next(): boolean {
    const { buffer } = this;
    if (this.left === 0) {
      if (this.at !== buffer.length) throw this.corrupt("end");
      return false;
    }
    this.left -= 1;
    const head = this.varint();
    this.op = head & 3;
    const keyAt = (this.rowStart = this.at);
    this.keyEnd = keyAt + (head >>> 2);
    const lead = this.kind === "window" && this.op !== deltaOps.clear ? startBytes : 0;
    this.keyStart = keyAt + lead;
    if (this.keyStart > this.keyEnd || this.keyEnd > buffer.length) throw this.corrupt("key");
    this.start = lead === 0 ? -1 : readStart(buffer, keyAt);
    this.at = this.keyEnd;
    if (this.op === deltaOps.put) {
      const length = this.varint();
      this.valueStart = this.at;
      this.valueEnd = this.at += length;
      if (this.at > buffer.length) throw this.corrupt("value");
    }
    return true;
  }

  /** The entry's key, without the window's start. */
  key(): string {
    return this.buffer.toString("utf8", this.keyStart, this.keyEnd);
  }

  /** The entry's key as rows have it: a window's start stands before it. A view into the delta; of an expiry, the start alone. */
  rowKey(): Uint8Array {
    return this.buffer.subarray(this.rowStart, this.keyEnd);
  }

  /** A view into the delta. */
  value(): Uint8Array {
    return this.buffer.subarray(this.valueStart, this.valueEnd);
  }

  /** Where the value lies; undefined unless the entry is a put. */
  stored(): { readonly delta: Uint8Array; readonly from: number; readonly to: number } | undefined {
    return this.op === deltaOps.put ? { delta: this.buffer, from: this.valueStart, to: this.valueEnd } : undefined;
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.buffer[this.at++];
      if (byte === undefined) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw this.corrupt("length");
  }

  private corrupt(part: string): Error {
    return this.broken(`delta has a broken ${part} at byte ${this.at}`);
  }
}

/** Writes a window's start as 8 bytes big-endian; answers where to go on. */
export function writeStart(buffer: Buffer, at: number, start: number): number {
  const upper = Math.floor(start / 0x1_0000_0000);
  const lower = start >>> 0;
  buffer[at] = upper >>> 24;
  buffer[at + 1] = upper >>> 16;
  buffer[at + 2] = upper >>> 8;
  buffer[at + 3] = upper;
  buffer[at + 4] = lower >>> 24;
  buffer[at + 5] = lower >>> 16;
  buffer[at + 6] = lower >>> 8;
  buffer[at + 7] = lower;
  return at + startBytes;
}

export const readStart = (buffer: Buffer, at: number): number => buffer.readUInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4);

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
