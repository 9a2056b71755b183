import { relative } from "node:path";
import type { RunningDev } from "./dev.ts";
import type { DevOptions } from "./options.ts";

/** What a newcomer needs to know once it runs: where to look, what to post, where the data lies. */
export function banner({ port, data, demo, topology }: DevOptions, { url, portAsAsked, keyed }: RunningDev): string {
  // A wildcard is no address to go to.
  const here = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
  const body = {
    eventType: "order.created",
    data: {
      orderId: "my-first-order",
      customerId: "me",
      items: [{ sku: "22423", quantity: 2, unitPrice: { amount: "10.95", currency: "GBP" } }],
      total: { amount: "21.90", currency: "GBP" },
      shippingAddress: { country: "United Kingdom" },
      paymentMethod: { type: "card", cardId: "card-me" },
    },
  };
  const authorization = keyed ? ` -H "Authorization: Bearer $MILLRACE_KEY"` : "";
  const near = (path: string): string => (relative(process.cwd(), path).startsWith("..") ? path : relative(process.cwd(), path));
  return `
Millrace is ready${portAsAsked ? "" : ` (port ${port} was taken, so it listens on another)`}${here === url ? "" : " (on all addresses of this machine)"}

  live page   ${here}/
  handbook    ${here}/docs
  queries     ${here}/v1/queries
  metrics     ${here}/metrics
  topology    ${near(topology)}
  data        ${near(data)}${demo ? "\n  demo        real orders of a British retailer, an hour a second" : ""}

Post an order yourself:

  curl -sS ${here}/v1/events${authorization} -d '${JSON.stringify(body)}'

Ctrl-C drains and ends; started again, it goes on where it was.
`;
}
