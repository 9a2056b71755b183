/** Bytes (UTF-8, after NFC) that a key may have. */
export const maxKeyBytes = 128;

// Control, format (zero-width, bidi), unassigned, private and surrogate code points, and the two line separators.
const forbidden = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * The text as a key: normalised to NFC; nothing if it is empty, longer than 128 bytes, ill-formed, or has characters nobody can see. [E9]
 */
export function keyText(text: string): string | undefined {
  const length = text.length;
  if (length === 0 || length > 4 * maxKeyBytes) return undefined;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 126) return normalised(text);
    if (code < 32) return undefined;
  }
  return length <= maxKeyBytes ? text : undefined;
}

function normalised(text: string): string | undefined {
  if (forbidden.test(text)) return undefined;
  const key = text.normalize("NFC");
  return Buffer.byteLength(key) <= maxKeyBytes ? key : undefined;
}
