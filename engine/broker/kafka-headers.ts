/**
 * Headers as a record of Kafka's has them: `varint number · (varint nameLength · name · varint valueLength (−1: null) · value) …`, varints zigzag.
 * Two of them are ours alone, and no reader sees them: `millrace-seq` is the record's sequence (f64, big-endian), `millrace-mark` (empty) says that
 * the record is a watermark.
 */
export const sequenceHeader: Buffer = Buffer.from("millrace-seq");
export const markHeader: Buffer = Buffer.from("millrace-mark");

const longestName = 0xffff;

/** The headers that begin at `start`, without our own, as a frame has them; a null reads as an empty text, names above 65,535 bytes are left out. */
export function frameHeadersOf(bytes: Buffer, start: number): Buffer {
  const headers = readAll(bytes, start);
  const frame = Buffer.allocUnsafe(headers.reduce((sum, { name, value }) => sum + 6 + name.length + value.length, 0));
  let at = 0;
  for (const { name, value } of headers) {
    at = frame.writeUInt16BE(name.length, at);
    at += name.copy(frame, at);
    at = frame.writeInt32BE(value.length, at);
    at += value.copy(frame, at);
  }
  return frame;
}

function readAll(bytes: Buffer, start: number): { readonly name: Buffer; readonly value: Buffer }[] {
  const headers: { name: Buffer; value: Buffer }[] = [];
  let at = start;
  const take = (length: number): Buffer => bytes.subarray(at, (at += Math.max(length, 0)));
  const varint = (): number => {
    let zigzag = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      zigzag |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (zigzag >>> 1) ^ -(zigzag & 1);
    }
  };
  for (let left = varint(); left > 0; left--) {
    const name = take(varint());
    const value = take(varint());
    if (name.length <= longestName && !name.equals(sequenceHeader) && !name.equals(markHeader)) headers.push({ name, value });
  }
  return headers;
}
