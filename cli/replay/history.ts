import { csvRows } from "./csv-rows.ts";
import { type Invoice, InvoiceGatherer, type Origin } from "./invoice.ts";
import { readOrderRow, type RefusalReason, refusalReasons } from "./order-row.ts";

export const dayMs = 86_400_000;

/** A row that was refused, with its original text. */
export type RefusedRow = Origin & { readonly reason: RefusalReason; readonly text: string };

/**
 * What the files hold, in memory: about 150 bytes an accepted row. `skus` are those of the accepted rows in order of appearance;
 * `firstAt` and `lastAt` the times of the first and the last accepted row, `origin` the place of the first.
 */
export type History = {
  readonly files: readonly string[];
  readonly invoices: readonly Invoice[];
  readonly skus: readonly string[];
  readonly firstAt: number;
  readonly lastAt: number;
  readonly origin: Origin;
  readonly rows: { readonly read: number; readonly accepted: number; readonly refused: Readonly<Record<RefusalReason, number>> };
};

/**
 * Reads the files in the order given, as if they were one; refused rows are counted and handed on. Stops early if the signal aborts.  [P3, P5]
 *
 * @throws {ReplayError} `REPLAY_FILE_UNREADABLE`
 */
export async function readHistory(files: readonly string[], onRefused: (row: RefusedRow) => void, signal?: AbortSignal): Promise<History> {
  const refused = Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as Record<RefusalReason, number>;
  const gatherer = new InvoiceGatherer();
  const invoices: Invoice[] = [];
  const skus = new Set<string>();
  let accepted = 0;
  let read = 0;
  let firstAt = 0;
  let lastAt = 0;
  let origin: Origin = { file: files[0] ?? "", line: 0 };
  for (const file of files) {
    for await (const { line, text, cells } of csvRows(file)) {
      if (signal?.aborted === true) break;
      read++;
      const row = readOrderRow(cells);
      if (row.kind === "refused") {
        refused[row.reason]++;
        onRefused({ file, line, reason: row.reason, text });
        continue;
      }
      if (accepted++ === 0) {
        firstAt = row.at;
        origin = { file, line };
      }
      lastAt = row.at;
      skus.add(row.sku);
      const ended = gatherer.add(row, { file, line });
      if (ended !== undefined) invoices.push(ended);
    }
  }
  const last = gatherer.end();
  if (last !== undefined) invoices.push(last);
  return { files, invoices, skus: [...skus], firstAt, lastAt, origin, rows: { read, accepted, refused } };
}

/** By how much one repetition is later than the one before: the days from the first accepted row's to the last's, plus one.  [P10] */
export function repetitionSpan({ firstAt, lastAt }: History): number {
  return (Math.floor(lastAt / dayMs) - Math.floor(firstAt / dayMs) + 1) * dayMs;
}
