import { DatabaseSync } from "node:sqlite";
import { rawRows } from "./raw-csv.ts";

/**
 * The rows of the files in SQLite, refused by the table of replay.md §1 and gathered to invoices by §2, once (repetitions are the
 * answers' affair). Money is an integer of 1/10,000. Tables: `row` (all, `reason` null if accepted), `invoice` (run, id, cancels, at,
 * customer, country), `line` (what was sold or taken back: run, sku, quantity > 0, price), `adjustment` (run, sku, delta).
 */
export function openLedger(files: readonly string[]): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  db.exec(
    `CREATE TABLE row (n INTEGER PRIMARY KEY, invoice TEXT, sku TEXT, quantity INTEGER, date TEXT, price INTEGER, customer TEXT, country TEXT, shaped INTEGER)`,
  );
  const insert = db.prepare("INSERT INTO row VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)");
  db.exec("BEGIN");
  for (const file of files) {
    for (const cells of rawRows(file)) {
      const [invoice = "", sku = "", , quantity = "", date = "", price = "", customer = "", country = ""] = cells;
      const shaped = cells.length === 8 && /^-?[0-9]+$/.test(quantity) && /^-?[0-9]+(\.[0-9]+)?$/.test(price);
      const number = customer.trim();
      const person = number === "" ? null : /^[0-9]+\.0$/.test(number) ? number.slice(0, -2) : number;
      const [units, fraction] = shaped ? [BigInt(quantity), tenThousandths(price)] : [0n, 0n];
      insert.run(invoice.trim(), sku.trim(), units, date, fraction, person, country.trim(), shaped ? 1 : 0);
    }
  }
  db.exec(`COMMIT;
    CREATE VIEW judged AS SELECT *, CASE
      WHEN NOT shaped OR invoice = '' OR sku = '' OR quantity = 0
        OR date NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]'
        OR strftime('%Y-%m-%d %H:%M:%S', date) IS NOT date THEN 'malformed-row'
      WHEN invoice GLOB 'A*' THEN 'ledger-adjustment'
      WHEN price < 0 THEN 'negative-price'
      WHEN invoice GLOB 'C*' AND quantity > 0 THEN 'positive-cancellation'
      WHEN invoice NOT GLOB 'C*' AND quantity < 0 AND NOT (price = 0 AND customer IS NULL) THEN 'negative-quantity'
      END AS reason FROM row;
    CREATE TABLE accepted AS
      SELECT n, invoice, sku, quantity, unixepoch(date) * 1000 AS at, price, customer, country,
        SUM(begins) OVER (ORDER BY n) AS run
      FROM (SELECT *, invoice IS NOT LAG(invoice) OVER (ORDER BY n) AS begins FROM judged WHERE reason IS NULL);
    CREATE TABLE invoice AS
      SELECT run, cancels, at, customer, country, invoice || CASE WHEN met = 1 THEN '' ELSE '-' || met END AS id
      FROM (SELECT run, invoice, invoice GLOB 'C*' AS cancels, at, customer, country, ROW_NUMBER() OVER (PARTITION BY invoice ORDER BY run) AS met
            FROM accepted WHERE n IN (SELECT MIN(n) FROM accepted GROUP BY run));
    CREATE TABLE line AS
      SELECT run, sku, ABS(quantity) AS quantity, price FROM accepted WHERE invoice GLOB 'C*' OR price <> 0 OR customer IS NOT NULL;
    CREATE TABLE adjustment AS
      SELECT run, sku, quantity AS delta FROM accepted WHERE invoice NOT GLOB 'C*' AND price = 0 AND customer IS NULL;
    CREATE TABLE sale AS
      SELECT run, id, cancels, at, customer, country, SUM(quantity) AS units, SUM(quantity * price) AS total
      FROM invoice JOIN line USING (run) GROUP BY run;`);
  return db;
}

function tenThousandths(price: string): bigint {
  const [whole = "", part = ""] = price.replace("-", "").split(".");
  if (/[1-9]/.test(part.slice(4))) throw new Error(`the judge knows prices of four places, not ${price}`);
  const size = BigInt(whole + part.slice(0, 4).padEnd(4, "0"));
  return price.startsWith("-") ? -size : size;
}
