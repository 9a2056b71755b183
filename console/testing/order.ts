/** An order of two teapots for 21.90 as a storefront posts it, or with what is said otherwise. */
export const orderEvent = (
  orderId: string,
  { timestamp, total = "21.90" }: { readonly timestamp?: string; readonly total?: string } = {},
): object => ({
  eventType: "order.created",
  ...(timestamp !== undefined && { timestamp }),
  data: {
    orderId,
    customerId: "me",
    items: [{ sku: "22423", quantity: 2, unitPrice: { amount: "10.95", currency: "GBP" } }],
    total: { amount: total, currency: "GBP" },
    shippingAddress: { country: "France" },
    paymentMethod: { type: "card", cardId: "c" },
  },
});
