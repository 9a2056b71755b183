import type { Random } from "./random.ts";

/** Draws ranks `[0, count)`, rank i with a probability in proportion to `(i + 1)^-exponent`. */
export function zipf(count: number, exponent: number): (random: Random) => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) sums[i] = sum += (i + 1) ** -exponent;
  for (let i = 0; i < count; i++) sums[i]! /= sum;
  return (random) => {
    const drawn = random.unit();
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
