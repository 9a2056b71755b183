/** An event as a storefront posts it: valid, keyed by its session. */
export function viewed(
  eventId: string,
  more: { readonly session?: string; readonly sku?: string } & Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const { session = "s-1", sku = "85123A", ...fields } = more;
  return {
    eventId,
    eventType: "product.viewed",
    eventVersion: "1.0.0",
    source: "storefront-eu",
    timestamp: "2026-11-20T09:00:00.000Z",
    metadata: { sessionId: session },
    data: { sku },
    ...fields,
  };
}

/** Another type of the same key, in another topic. */
export function carted(
  eventId: string,
  more: { readonly session?: string } & Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const { session = "s-1", ...fields } = more;
  const data = { cartId: `c-${session}`, sku: "85123A", quantity: 2, unitPrice: { amount: "49.90", currency: "EUR" } };
  return { ...viewed(eventId, { session }), eventType: "cart.item_added", data, ...fields };
}
