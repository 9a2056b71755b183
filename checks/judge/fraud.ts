/** A sale as the ledger has it: money in 1/10,000, time in milliseconds, `cancels` 0 or 1. */
type Sale = Readonly<Record<string, bigint | string | null>>;
export type Alert = { readonly rule: string; readonly subject: string; readonly orderId: string; readonly at: bigint };

const hour = 3_600_000n;
const pounds = 10_000n;

/** The three rules of replay.md §3 over orders and cancellations in the order of the file. */
export function fraudAlerts(sales: readonly Sale[]): Alert[] {
  const alerts: Alert[] = [];
  const attempts = new Map<string, { at: bigint; alerted: boolean }[]>();
  const orders = new Map<string, { id: string; at: bigint; total: bigint; matched: boolean }[]>();
  for (const sale of sales) {
    const id = String(sale["id"]);
    const at = BigInt(sale["at"]!);
    const total = BigInt(sale["total"]!);
    const customer = sale["customer"] as string | null;
    const subject = customer ?? `guest-${id}`;
    const before = orders.get(subject) ?? [];
    orders.set(subject, before);
    if (sale["cancels"] === 1n) {
      const match = before.find((order) => !order.matched && order.total === total && order.at <= at && at - order.at <= hour);
      if (total < 1000n * pounds || match === undefined) continue;
      match.matched = true;
      alerts.push({ rule: "cancelled-huge-order", subject, orderId: match.id, at });
      continue;
    }
    const sum = before.reduce((so, order) => so + order.total, 0n);
    if (customer !== null && before.length >= 3 && total > 500n * pounds && total * BigInt(before.length) > 5n * sum) {
      alerts.push({ rule: "unusual-order-value", subject, orderId: id, at });
    }
    before.push({ id, at, total, matched: false });
    if (total === 0n) continue;
    const card = `card-${subject}`;
    const tried = attempts.get(card) ?? [];
    attempts.set(card, tried);
    const recent = tried.filter((attempt) => attempt.at > at - hour && attempt.at <= at);
    const alerted = recent.length >= 3 && !recent.some((attempt) => attempt.alerted);
    tried.push({ at, alerted });
    if (alerted) alerts.push({ rule: "card-velocity", subject: card, orderId: id, at });
  }
  return alerts;
}
