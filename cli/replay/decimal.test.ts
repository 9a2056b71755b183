import { expect, test } from "vitest";
import { addProduct, decimalText, parseDecimal, zero } from "./decimal.ts";

const text = (price: string): string => decimalText(parseDecimal(price)!);

test("[P7] money is written without needless zeros, with two places at least", () => {
  const written = ["2.1", "2", "0.001", "-3.50", "007.50", "0", "-0", "0.0010", "12.3456", "0.12345"].map(text);
  expect(written).toEqual(["2.10", "2.00", "0.001", "-3.50", "7.50", "0.00", "0.00", "0.001", "12.3456", "0.12345"]);
});

test("[P7] sums are exact where floats are not", () => {
  let sum = zero;
  for (let i = 0; i < 10; i++) sum = addProduct(sum, parseDecimal("0.1")!, 1);
  expect(decimalText(sum)).toBe("1.00");
  sum = addProduct(sum, parseDecimal("0.001")!, 80_995);
  expect(decimalText(sum)).toBe("81.995");
  sum = addProduct(sum, parseDecimal("90071992547409.93")!, 9_007_199_254_740_991);
  expect(decimalText(sum)).toBe("811296384146066816957890051522.625");
});
