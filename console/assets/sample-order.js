/** A line for a terminal that posts one order, as text to be copied. `keyed`: the gateway asks for a key. */
export function curlLine(origin, { keyed, orderId }) {
  const price = { amount: "10.95", currency: "GBP" };
  const event = {
    eventType: "order.created",
    data: {
      orderId,
      customerId: "me",
      items: [{ sku: "22423", quantity: 2, unitPrice: price }],
      total: { amount: "21.90", currency: "GBP" },
      shippingAddress: { country: "United Kingdom" },
      paymentMethod: { type: "card", cardId: "card-me" },
    },
  };
  return `curl -sS ${origin}/v1/events${keyed ? ' -H "Authorization: Bearer $MILLRACE_KEY"' : ""} -d '${JSON.stringify(event)}'`;
}
