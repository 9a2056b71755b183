import type { DatabaseSync } from "node:sqlite";
import { fraudAlerts } from "./fraud.ts";
import { openLedger } from "./ledger.ts";

export type AnswerRow = Readonly<Record<string, string>>;
export type QueryName = (typeof queryNames)[number];

/** The queries of replay.md §3. */
export const queryNames = [
  "orders-by-day",
  "cancellations-by-day",
  "sales-by-sku",
  "stock-levels",
  "top-products-by-day",
  "customers-by-day",
  "fraud-alerts",
] as const;

export type ReplayedAs = { readonly openingStock?: number; readonly repeat?: number };

/** What every query must answer; every value as canonical text. `stock-levels` is missing where it depends on the order of customers. */
export type Answers = { readonly [Q in Exclude<QueryName, "stock-levels">]: readonly AnswerRow[] } & {
  readonly "stock-levels"?: readonly AnswerRow[];
};

/** The rows of every query of replay.md §3 after a replay of the files, by SQL over their rows. */
export function expectedAnswers(files: readonly string[], { openingStock = 0, repeat = 1 }: ReplayedAs = {}): Answers {
  const db = openLedger(files);
  try {
    db.exec(`CREATE TABLE repetition AS
        WITH RECURSIVE r(r) AS (SELECT 0 UNION ALL SELECT r + 1 FROM r WHERE r + 1 < ${repeat})
        SELECT r, CASE WHEN r = 0 THEN '' ELSE '~' || r END AS suffix,
          r * ((SELECT at / 86400000 FROM accepted ORDER BY n DESC LIMIT 1) - (SELECT at / 86400000 FROM accepted ORDER BY n LIMIT 1) + 1) AS days
        FROM r;
      CREATE TABLE sold AS
        SELECT cancels, at / 86400000 + days AS day, country, customer || suffix AS customer, units, total FROM sale CROSS JOIN repetition;`);
    const stock = stockLevels(db, openingStock, repeat);
    return {
      "orders-by-day": byDay(db, 0, { count: "orders", money: "revenue" }),
      "cancellations-by-day": byDay(db, 1, { count: "cancellations", money: "value" }),
      "sales-by-sku": salesBySku(db, repeat),
      ...(stock === undefined ? {} : { "stock-levels": stock }),
      "top-products-by-day": topProducts(db),
      "customers-by-day": ask(
        db,
        "SELECT day, COUNT(DISTINCT customer) AS customers FROM sold WHERE NOT cancels AND customer IS NOT NULL GROUP BY day",
      ).map(({ day, customers }) => ({ ...window(day), customers: String(customers) })),
      "fraud-alerts": expandedAlerts(db),
    };
  } finally {
    db.close();
  }
}

type Asked = Readonly<Record<string, bigint | string | null>>;

function ask(db: DatabaseSync, sql: string): Asked[] {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all() as Asked[];
}

function byDay(db: DatabaseSync, cancels: 0 | 1, { count, money }: { count: string; money: string }): AnswerRow[] {
  const sql = `SELECT country, day, COUNT(*) AS count, SUM(units) AS units, SUM(total) AS total FROM sold WHERE cancels = ${cancels} GROUP BY country, day ORDER BY day, country`;
  return ask(db, sql).map((row) => ({
    country: String(row["country"]),
    ...window(row["day"]),
    [count]: String(row["count"]),
    units: String(row["units"]),
    [money]: moneyText(row["total"]),
  }));
}

function salesBySku(db: DatabaseSync, repeat: number): AnswerRow[] {
  const sql = `SELECT sku, SUM(quantity) * ${repeat} AS units, SUM(quantity * price) * ${repeat} AS revenue FROM line JOIN invoice USING (run) WHERE NOT cancels GROUP BY sku ORDER BY sku`;
  return ask(db, sql).map(({ sku, units, revenue }) => ({ sku: String(sku), units: String(units), revenue: moneyText(revenue) }));
}

/** Level = opening + adjusted + cancelled − reserved; undetermined if some order might have found too little. */
function stockLevels(db: DatabaseSync, opening: number, repeat: number): AnswerRow[] | undefined {
  const rows = ask(
    db,
    `WITH change(sku, delta) AS (
        SELECT sku, CASE WHEN cancels THEN quantity ELSE -quantity END FROM line JOIN invoice USING (run) UNION ALL SELECT sku, delta FROM adjustment)
      SELECT sku, ${opening} + ${repeat} * SUM(delta) AS level, ${opening} + ${repeat} * SUM(MIN(delta, 0)) AS least, MIN(delta) < 0 AS taken FROM change GROUP BY sku ORDER BY sku`,
  );
  if (rows.some(({ least, taken }) => taken === 1n && BigInt(least!) < 0n)) return undefined;
  return rows.map(({ sku, level }) => ({ sku: String(sku), level: String(level) }));
}

function topProducts(db: DatabaseSync): AnswerRow[] {
  const rows = ask(
    db,
    `WITH base AS (SELECT at / 86400000 AS day, sku, SUM(quantity) AS units, SUM(quantity * price) AS revenue
        FROM line JOIN invoice USING (run) WHERE NOT cancels GROUP BY 1, 2),
      shifted AS (SELECT day + days AS day, sku, SUM(units) AS units, SUM(revenue) AS revenue FROM base CROSS JOIN repetition GROUP BY 1, 2),
      ranked AS (SELECT *, ROW_NUMBER() OVER (PARTITION BY day ORDER BY revenue DESC, sku COLLATE BINARY) AS rank FROM shifted)
      SELECT * FROM ranked WHERE rank <= 10 ORDER BY day, rank`,
  );
  return rows.map(({ day, rank, sku, units, revenue }) => ({
    ...window(day),
    rank: String(rank),
    sku: String(sku),
    units: String(units),
    revenue: moneyText(revenue),
  }));
}

/** Subjects of two repetitions are never the same, so each repetition raises the alerts of the first, later. */
function expandedAlerts(db: DatabaseSync): AnswerRow[] {
  const alerts = fraudAlerts(ask(db, "SELECT id, cancels, at, customer, total FROM sale ORDER BY run"));
  return ask(db, "SELECT suffix, days FROM repetition ORDER BY r").flatMap(({ suffix, days }) =>
    alerts.map(({ rule, subject, orderId, at }) => ({
      rule,
      subject: `${subject}${String(suffix)}`,
      orderId: `${orderId}${String(suffix)}`,
      at: new Date(Number(at + BigInt(days!) * 86_400_000n)).toISOString(),
    })),
  );
}

function window(day: bigint | string | null | undefined): { window_start: string; window_end: string } {
  const start = Number(day) * 86_400_000;
  return { window_start: new Date(start).toISOString(), window_end: new Date(start + 86_400_000).toISOString() };
}

/** 1/10,000 as canonical decimal text with two to four places. */
function moneyText(value: bigint | string | null | undefined): string {
  const amount = BigInt(value ?? 0);
  const size = amount < 0n ? -amount : amount;
  const places = String(size % 10_000n)
    .padStart(4, "0")
    .replace(/0{1,2}$/, "");
  return `${amount < 0n ? "-" : ""}${size / 10_000n}.${places}`;
}
