/** Only where both keys have a code unit of U+D800 or above can the order of UTF-16 and that of code points differ. */
const highUnit = /[\uD800-\uFFFF]/;

export const hasHighUnit = (key: string): boolean => highUnit.test(key);

/** Order by code point, which is the order of UTF-8 bytes: negative when `a` comes first. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  if (!highUnit.test(a) || !highUnit.test(b)) return a < b ? -1 : 1;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return liftSurrogate(x) - liftSurrogate(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others, though their units lie below U+E000. */
const liftSurrogate = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** The least key above all keys that begin with `prefix`; undefined when there is none, as for "". */
export function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0)!);
  while (points.length > 0) {
    const last = points.pop()!;
    if (last === 0x10ffff) continue;
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
