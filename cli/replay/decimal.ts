/** An exact decimal: `units` × 10^−`places`. */
export type Decimal = { readonly units: bigint; readonly places: number };

export const zero: Decimal = { units: 0n, places: 0 };

/** Reads plain decimal text (`-12`, `0.001`); undefined for anything else: exponents, signs other than `-`, a bare point. */
export function parseDecimal(text: string): Decimal | undefined {
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) return undefined;
  const point = text.indexOf(".");
  if (point === -1) return { units: BigInt(text), places: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), places: text.length - point - 1 };
}

/** `sum` + `price` × `quantity`, exactly. */
export function addProduct(sum: Decimal, price: Decimal, quantity: number): Decimal {
  const places = Math.max(sum.places, price.places);
  const units = sum.units * 10n ** BigInt(places - sum.places) + price.units * 10n ** BigInt(places - price.places) * BigInt(quantity);
  return { units, places };
}

/** The canonical text of money: no needless zeros, at least two places (`1.50`, `0.001`). */
export function decimalText({ units, places }: Decimal): string {
  const negative = units < 0n;
  const digits = String(negative ? -units : units).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const part = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}.${part.padEnd(2, "0")}`;
}
