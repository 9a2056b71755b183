/** What moves the stock of an article. `units` are above 0, but an adjustment's, which may be either way. */
export type Movement =
  | { readonly kind: "receipt" | "adjustment"; readonly sku: string; readonly units: number }
  | { readonly kind: "reservation" | "cancellation"; readonly sku: string; readonly units: number; readonly orderId: string };

/** What became of a movement, with the levels before and after it. */
export type StockChange = { readonly kind: "moved"; readonly sku: string; readonly before: number; readonly after: number } | OrderedChange;
export type OrderedChange = {
  readonly kind: "reserved" | "refused" | "released";
  readonly sku: string;
  readonly before: number;
  readonly after: number;
  readonly units: number;
  readonly orderId: string;
};

/** Level = received + adjusted + cancelled − reserved; a reservation above the level is refused and takes nothing, an adjustment may lead below zero. [I1–I3] */
export function moveLevel(before: number, movement: Movement): StockChange {
  const { sku, units } = movement;
  switch (movement.kind) {
    case "receipt":
    case "adjustment":
      return { kind: "moved", sku, before, after: before + units };
    case "cancellation":
      return { kind: "released", sku, before, after: before + units, units, orderId: movement.orderId };
    case "reservation":
      return before < units
        ? { kind: "refused", sku, before, after: before, units, orderId: movement.orderId }
        : { kind: "reserved", sku, before, after: before - units, units, orderId: movement.orderId };
  }
}

/** True for the change that leads from `threshold` or more to less: once per crossing. [I5] */
export function fallsBelow(threshold: number, { before, after }: StockChange): boolean {
  return before >= threshold && after < threshold;
}
