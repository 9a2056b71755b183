/** An amount in 1/10,000 of the currency's unit, with its ISO 4217 code; never a float. */
export type Money = { readonly amount: bigint; readonly currency: string };

/** Places behind the point that every amount has inside the engine. */
export const moneyScale = 4;
/** Digits that an amount may have in all, those behind the point included. */
export const moneyPrecision = 18;
/** The first integer that is too large for Avro `decimal(18, 4)`. */
export const moneyLimit: bigint = 10n ** BigInt(moneyPrecision);

/** A decimal as an integer of `10^-scale`, or what is wrong with its text. */
export type ParsedDecimal = bigint | DecimalFault;
export type DecimalFault = "not-a-decimal" | "negative-zero" | "too-many-places" | "too-many-digits";

/** Reads a plain decimal (no sign but `-`, no exponent, no leading zeros) of at most `scale` places and `precision` digits. [E5] */
export function parseDecimal(text: string, scale: number = moneyScale, precision: number = moneyPrecision): ParsedDecimal {
  const length = text.length;
  let at = 0;
  const negative = text.charCodeAt(0) === 45;
  if (negative) at = 1;
  const first = at;
  let mantissa = 0;
  let digits = 0;
  let places = -1;
  for (; at < length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 || digit > 0) digits++;
      // Beyond 15 digits a double is no longer exact: those few take the way over BigInt below.
      if (digits <= 15) mantissa = mantissa * 10 + digit;
      if (places >= 0) places++;
    } else if (digit === -2 && places < 0 && at > first) places = 0;
    else return "not-a-decimal";
  }
  if (at === first || places === 0) return "not-a-decimal";
  if (text.charCodeAt(first) === 48 && length > first + 1 && text.charCodeAt(first + 1) !== 46) return "not-a-decimal";
  const shift = scale - Math.max(places, 0);
  if (shift < 0) return "too-many-places";
  if (digits + shift > precision && digits > 0) return "too-many-digits";
  if (negative && digits === 0) return "negative-zero";
  const unsigned =
    digits + shift <= 15 ? BigInt(mantissa * 10 ** shift) : BigInt(text.slice(first).replace(".", "")) * 10n ** BigInt(shift);
  return negative ? -unsigned : unsigned;
}

/** The canonical text of a decimal: at least two and at most `scale` places, no zeros behind the second. [E6] */
export function formatDecimal(value: bigint, scale: number = moneyScale): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  let places = digits.slice(digits.length - scale);
  while (places.length > 2 && places.endsWith("0")) places = places.slice(0, -1);
  return `${negative ? "-" : ""}${whole}${places === "" ? "" : `.${places.padEnd(2, "0")}`}`;
}

/** Reads an amount of money: a decimal text, or a number by its shortest text. [E5] */
export function parseAmount(json: string | number): ParsedDecimal {
  if (typeof json === "string") return parseDecimal(json);
  return Object.is(json, -0) ? "negative-zero" : parseDecimal(String(json));
}

/** The canonical text of an amount of money: `49.90`, `0.001`, `-3.00`. [E6] */
export function formatAmount(amount: bigint): string {
  return formatDecimal(amount);
}

let currencies: ReadonlySet<string> | undefined;

/** The codes of ISO 4217, as the runtime's own tables have them. */
export const currencyCodes = (): readonly string[] => Intl.supportedValuesOf("currency");

/** Whether the code is one of these. */
export function isCurrency(code: string): boolean {
  currencies ??= new Set(currencyCodes());
  return currencies.has(code);
}
