import { expect, test } from "vitest";
import { fallsBelow, moveLevel, type Movement } from "./movement.ts";

const reservation = (units: number): Movement => ({ kind: "reservation", sku: "A", units, orderId: "o1" });

test("[I2] a reservation of all there is leaves nothing, of one more is refused and takes nothing", () => {
  expect(moveLevel(6, reservation(6))).toEqual({ kind: "reserved", sku: "A", before: 6, after: 0, units: 6, orderId: "o1" });
  expect(moveLevel(6, reservation(7))).toEqual({ kind: "refused", sku: "A", before: 6, after: 6, units: 7, orderId: "o1" });
});

test("[I2] below zero every reservation is refused", () => {
  expect(moveLevel(-3, reservation(1)).kind).toBe("refused");
});

test("[I3] an adjustment may lead below zero", () => {
  expect(moveLevel(2, { kind: "adjustment", sku: "A", units: -5 }).after).toBe(-3);
});

test("[I1] receipts and cancellations add", () => {
  expect(moveLevel(-3, { kind: "receipt", sku: "A", units: 5 }).after).toBe(2);
  expect(moveLevel(2, { kind: "cancellation", sku: "A", units: 4, orderId: "o1" })).toMatchObject({ kind: "released", after: 6 });
});

test("[I5] stock falls below a threshold by crossing it, not by being there", () => {
  const change = (before: number, after: number) => ({ kind: "moved", sku: "A", before, after }) as const;
  expect([change(5, 4), change(9, -1)].map((one) => fallsBelow(5, one))).toEqual([true, true]);
  expect([change(4, 3), change(6, 5), change(4, 5), change(0, -3), change(5, 5)].map((one) => fallsBelow(5, one))).not.toContain(true);
});
