import { StateError } from "./state-error.ts";

export type TuplePart = string | number | bigint | boolean | null;

/**
 * Text key of several parts: keys compare as their parts do, one after the other, and the key of the first n parts is a prefix of the whole
 * (and of no other tuple's key). Within a part: null < false < true < numbers < bigints < text; numbers by value, text by code point.
 * A part is a tag and its body: a number 11 digits of base 64, a bigint its sign, length and decimal digits, text its characters and U+0000.
 *
 * @throws {StateError} `STATE_BAD_KEY` for NaN, for ill-formed text, for a bigint of 10,000 digits or more
 */
export function encodeTuple(parts: readonly TuplePart[]): string {
  let key = "";
  for (const part of parts) {
    if (typeof part === "string") key += tags.text + escapeText(part) + end;
    else if (typeof part === "number") key += tags.number + encodeNumber(part);
    else if (typeof part === "bigint") key += tags.bigint + encodeBigint(part);
    else key += part === null ? tags.null : part ? tags.true : tags.false;
  }
  return key;
}

/** The parts of a key (or of the beginning of one) that `encodeTuple` made. @throws {StateError} `STATE_BAD_KEY` */
export function decodeTuple(key: string): TuplePart[] {
  const parts: TuplePart[] = [];
  for (let at = 0; at < key.length;) {
    const tag = key.charAt(at);
    at += 1;
    switch (tag) {
      case tags.null:
        parts.push(null);
        break;
      case tags.false:
      case tags.true:
        parts.push(tag === tags.true);
        break;
      case tags.number:
        parts.push(decodeNumber(key, at));
        at += numberDigits;
        break;
      case tags.bigint: {
        const negative = key[at] === "0";
        const digits = Number(flip(key.slice(at + 1, at + 5), negative));
        const body = key.slice(at + 5, at + 5 + digits);
        if (body.length !== digits || !/^[0-9]+$/.test(body)) throw badKey("a bigint that is cut short");
        const size = BigInt(flip(body, negative));
        parts.push(negative ? -size : size);
        at += 5 + digits;
        break;
      }
      case tags.text: {
        const stop = key.indexOf(end, at);
        if (stop < 0) throw badKey("a text without its end");
        parts.push(unescapeText(key.slice(at, stop)));
        at = stop + 1;
        break;
      }
      default:
        throw badKey(`an unknown tag ${JSON.stringify(tag)}`);
    }
  }
  return parts;
}

/** In the order of the kinds of parts. */
const tags = { null: "0", false: "1", true: "2", number: "3", bigint: "4", text: "5" } as const;
const end = "\u0000";

const badKey = (found: string): StateError => new StateError("STATE_BAD_KEY", `tuple key has ${found}`);

/** The end of a text must sort before all that can stand in one, so the two lowest characters are written as two. */
function escapeText(text: string): string {
  if (!text.isWellFormed()) throw badKey("an unpaired surrogate");
  // oxlint-disable-next-line no-control-regex
  return /[\u0000\u0001]/.test(text) ? text.replaceAll("\u0001", "\u0001\u0002").replaceAll("\u0000", "\u0001\u0001") : text;
}

const unescapeText = (text: string): string =>
  text.includes("\u0001") ? text.replaceAll("\u0001\u0001", "\u0000").replaceAll("\u0001\u0002", "\u0001") : text;

/** 64 characters in ascending order. */
const alphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const digitOf = new Map(Array.from(alphabet, (char, digit) => [char, digit]));
const numberDigits = 11;
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Index of the word that holds the sign. */
const high = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** The bits of a double sort like their value once the sign is flipped and, below zero, all other bits too. */
function encodeNumber(value: number): string {
  if (Number.isNaN(value)) throw badKey("a NaN");
  float[0] = value === 0 ? 0 : value;
  const negative = words[high]! >>> 31 === 1;
  const h = negative ? ~words[high]! : words[high]! ^ 0x80000000;
  const l = negative ? ~words[1 - high]! : words[1 - high]!;
  return (
    alphabet[(h >>> 26) & 63]! +
    alphabet[(h >>> 20) & 63]! +
    alphabet[(h >>> 14) & 63]! +
    alphabet[(h >>> 8) & 63]! +
    alphabet[(h >>> 2) & 63]! +
    alphabet[((h & 3) << 4) | (l >>> 28)]! +
    alphabet[(l >>> 22) & 63]! +
    alphabet[(l >>> 16) & 63]! +
    alphabet[(l >>> 10) & 63]! +
    alphabet[(l >>> 4) & 63]! +
    alphabet[l & 15]!
  );
}

function decodeNumber(key: string, at: number): number {
  const digit = (i: number): number => {
    const found = digitOf.get(key[at + i] ?? "");
    if (found === undefined) throw badKey("a number that is cut short");
    return found;
  };
  let h = (digit(0) << 26) | (digit(1) << 20) | (digit(2) << 14) | (digit(3) << 8) | (digit(4) << 2) | (digit(5) >> 4);
  let l = ((digit(5) & 15) << 28) | (digit(6) << 22) | (digit(7) << 16) | (digit(8) << 10) | (digit(9) << 4) | digit(10);
  const negative = h >>> 31 === 0;
  h = negative ? ~h : h ^ 0x80000000;
  if (negative) l = ~l;
  words[high] = h;
  words[1 - high] = l;
  return float[0]!;
}

/** Sign, four digits of length, digits; below zero every digit d becomes 9 − d, so that larger sizes come first. */
function encodeBigint(value: bigint): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString();
  if (digits.length > 9999) throw badKey("a bigint of 10,000 digits or more");
  return (negative ? "0" : "1") + flip(String(digits.length).padStart(4, "0") + digits, negative);
}

const flip = (digits: string, negative: boolean): string =>
  negative ? digits.replace(/[0-9]/g, (digit) => String(9 - Number(digit))) : digits;
