/** Up to it, words in a loop are faster than a call. */
const shortBytes = 200;

/** Copies bytes from one view to another, which may not be the same memory; answers where they end. */
export function copyWords(
  target: DataView,
  position: number,
  { source, start, length }: { readonly source: DataView; readonly start: number; readonly length: number },
): number {
  if (length > shortBytes) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset + start, length);
    new Uint8Array(target.buffer, target.byteOffset + position, length).set(bytes);
    return position + length;
  }
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    target.setUint32(position + i, source.getUint32(start + i));
    target.setUint32(position + i + 4, source.getUint32(start + i + 4));
  }
  for (; i < length; i++) target.setUint8(position + i, source.getUint8(start + i));
  return position + length;
}
