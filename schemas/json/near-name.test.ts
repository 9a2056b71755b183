import { expect, test } from "vitest";
import { nearName } from "./near-name.ts";

const names = ["quantity", "unitPrice", "sku", "customerId", "orderId", "total", "id"];

test.each([
  ["quantty", "quantity"],
  ["qauntity", "quantity"],
  ["Quantity", "quantity"],
  ["unit_price", "unitPrice"],
  ["UNITPRICE", "unitPrice"],
  ["skus", "sku"],
  ["customerid", "customerId"],
  ["toal", "total"],
  ["ID", "id"],
  ["it", undefined],
  ["colour", undefined],
  ["", undefined],
  ["x".repeat(100_000), undefined],
])("[E3] %s was probably meant as %s", (name, meant) => {
  expect(nearName(name, names)).toBe(meant);
});
