const version = 1;

/**
 * Names in order, each less what it shares with the one before it: `u8 version · u32 count`, then `u8 shared bytes · u16 length of the rest · rest`.
 * Names of one task mostly differ in a number at their end.
 */
export function encodeNames(sorted: readonly string[]): Uint8Array {
  const parts: Buffer[] = [Buffer.alloc(5)];
  parts[0]!.writeUInt8(version);
  parts[0]!.writeUInt32BE(sorted.length, 1);
  let before = Buffer.alloc(0);
  for (const name of sorted) {
    const bytes = Buffer.from(name);
    let shared = 0;
    while (shared < 255 && shared < before.length && before[shared] === bytes[shared]) shared += 1;
    const lengths = Buffer.alloc(3);
    lengths.writeUInt8(shared);
    lengths.writeUInt16BE(bytes.length - shared, 1);
    parts.push(lengths, bytes.subarray(shared));
    before = bytes;
  }
  return Buffer.concat(parts);
}

/** The names, and where what follows them begins. @throws {RangeError} when the bytes are of another version or end too early */
export function decodeNames(bytes: Buffer): { readonly names: readonly string[]; readonly end: number } {
  if (bytes.readUInt8(0) !== version) throw new RangeError(`names of version ${bytes[0]}, this program reads ${version}`);
  const count = bytes.readUInt32BE(1);
  const names: string[] = [];
  let at = 5;
  let before: Buffer = Buffer.alloc(0);
  for (let i = 0; i < count; i++) {
    const shared = bytes.readUInt8(at);
    const from = at + 3;
    at = from + bytes.readUInt16BE(at + 1);
    if (at > bytes.length) throw new RangeError(`${count} names end at byte ${at} of ${bytes.length}`);
    before = Buffer.concat([before.subarray(0, shared), bytes.subarray(from, at)]);
    names.push(before.toString());
  }
  return { names, end: at };
}
