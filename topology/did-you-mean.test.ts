import { expect, test } from "vitest";
import { didYouMean, nearest } from "./did-you-mean.ts";

test("[Y1] what was probably meant is the nearest name by edits, if it is near", () => {
  expect(nearest("ordres", ["orders", "order-lines", "stock"])).toEqual(["orders"]);
  expect(nearest("business.orders.creatd", ["business.orders.created", "business.orders.cancelled"])).toEqual(["business.orders.created"]);
  expect(nearest("Stock", ["stock", "sock"])).toEqual(["stock"]);
  expect(nearest("x", ["orders"])).toEqual([]);
});

test("[Y1] a short list of choices is told when nothing is near", () => {
  expect(didYouMean("zzz", ["drop", "dead-letter"])).toBe(`; there is "dead-letter", "drop"`);
  expect(didYouMean("drp", ["drop", "dead-letter"])).toBe(`; did you mean "drop"?`);
  expect(
    didYouMean(
      "zzz",
      Array.from({ length: 20 }, (_, i) => `name${i}`),
    ),
  ).toBe("");
  expect(didYouMean("zzz", [])).toBe("");
});
