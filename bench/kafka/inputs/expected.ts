import { crc32 } from "node:zlib";

/** Of one output key: how many results it has, and the sum of the CRC-32 of their canonical texts modulo 2^48. */
export type KeySum = { results: number; sum: number };
export type Sums = Map<string, KeySum>;

export type Expectation = {
  take(partition: number, value: string): void;
  /** The answers, once everything was taken. */
  sums(): Sums;
};

/** The answers that are expected of each job: plain loops that share no code with any engine, after the peers' model. */
export const expectations = { stateless: lines, count: windows, fraud: alerts } as const;

export function addTo(sums: Sums, key: string, canonical: string): void {
  const sum = sums.get(key);
  if (sum === undefined) sums.set(key, { results: 1, sum: crc32(canonical) });
  else {
    sum.results += 1;
    sum.sum = (sum.sum + crc32(canonical)) % 2 ** 48;
  }
}

const cents = (amount: number): number => Math.floor(amount * 100 + 0.5);

function lines(): Expectation {
  const sums: Sums = new Map();
  return {
    take: (_partition, value) => {
      const { orderId, amount, sku } = JSON.parse(value) as { orderId: string; amount: number; sku: string };
      if (amount >= 20) addTo(sums, sku, `${orderId}|${cents(amount)}|${sku}`);
    },
    sums: () => sums,
  };
}

/** Final results of tumbling windows of 10 s with 5 s of grace. No record of the input is late. */
function windows(): Expectation {
  const counts = new Map<string, { user: string; start: number; count: number; cents: number; maxTs: number }>();
  const reached: number[] = [];
  return {
    take: (partition, value) => {
      const { userId, amount, ts } = JSON.parse(value) as { userId: string; amount: number; ts: number };
      const time = (reached[partition] = Math.max(reached[partition] ?? 0, ts));
      const start = ts - (ts % 10_000);
      if (start + 15_000 <= time) throw new Error(`a record of ${userId} at ${ts} is late`);
      const place = `${userId}|${start}`;
      let count = counts.get(place);
      if (count === undefined) counts.set(place, (count = { user: userId, start, count: 0, cents: 0, maxTs: 0 }));
      count.count += 1;
      count.cents += cents(amount);
      count.maxTs = Math.max(count.maxTs, ts);
    },
    sums: () => {
      const sums: Sums = new Map();
      for (const { user, start, count, cents: sum, maxTs } of counts.values())
        addTo(sums, user, `${user}|${start}|${count}|${sum}|${maxTs}`);
      return sums;
    },
  };
}

type Session = { start: number; end: number; count: number; cents: number; readonly merchants: Set<string>; alerted: boolean };

/** Sessions in the order of arrival, gap 30 s: the alert is the session as it stands when it first has five payments of more than 500 together. */
function alerts(): Expectation {
  const sums: Sums = new Map();
  const cards = new Map<string, Session[]>();
  const reached: number[] = [];
  return {
    take: (partition, value) => {
      const { card, amount, merchant, ts } = JSON.parse(value) as { card: string; amount: number; merchant: string; ts: number };
      const time = (reached[partition] = Math.max(reached[partition] ?? 0, ts));
      if (ts < time - 10_000) throw new Error(`a payment of ${card} at ${ts} is late`);
      const merged: Session = { start: ts, end: ts, count: 1, cents: cents(amount), merchants: new Set([merchant]), alerted: false };
      const kept: Session[] = [];
      for (const session of cards.get(card) ?? []) {
        if (session.end < ts - 30_000 || session.start > ts + 30_000) {
          // What lies far behind is never met again.
          if (session.end >= time - 200_000) kept.push(session);
          continue;
        }
        merged.start = Math.min(merged.start, session.start);
        merged.end = Math.max(merged.end, session.end);
        merged.count += session.count;
        merged.cents += session.cents;
        for (const one of session.merchants) merged.merchants.add(one);
        merged.alerted ||= session.alerted;
      }
      if (merged.merchants.size > 16 && !merged.alerted) throw new Error("which 16 merchants count would depend on their order");
      if (!merged.alerted && merged.count >= 5 && merged.cents > 50_000) {
        merged.alerted = true;
        const { start, end, count, cents: sum, merchants } = merged;
        addTo(sums, card, `${card}|${start}|${end}|${count}|${sum}|${merchants.size}`);
      }
      kept.push(merged);
      cards.set(card, kept);
    },
    sums: () => sums,
  };
}

/** As the peers write them: `key TAB results TAB sum`, by key. */
export function sumsText(sums: Sums): string {
  const lines = [...sums].map(([key, { results, sum }]) => `${key}\t${results}\t${sum}\n`);
  return lines.sort().join("");
}

export function parseSums(text: string): Sums {
  const rows = text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));
  return new Map(rows.map(([key, results, sum]) => [key!, { results: Number(results), sum: Number(sum) }]));
}
