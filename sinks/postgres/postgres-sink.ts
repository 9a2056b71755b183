import type { Delivery, DeliveryResult, Sink, SinkLimits } from "@millrace/engine";
import type { PostgresConnection } from "./postgres-connection.ts";
import { keyTextOfRow, type PostgresRow, type TextRow, textRow } from "./postgres-row.ts";
import { ensureTable } from "./postgres-schema.ts";
import { statementFor } from "./postgres-statement.ts";
import { checkTable, type PostgresTable } from "./postgres-table.ts";

export type PostgresSinkOptions = PostgresTable & {
  /** Closed with the sink. */
  readonly connection: PostgresConnection;
  /** A record's row, by column; of a record with a null value, the key alone. @throws what then refuses the record, as `unrenderable` */
  readonly render: (record: Delivery) => PostgresRow;
  /** Tells this log from another whose topics have the same names: another one overwrites what this one wrote, whatever the offsets. */
  readonly origin?: string;
  /** What a call may take, ms; of what is not tried by four fifths of it, the rest waits for the next. */
  readonly callMs?: number;
};

/** What a call has found out so far, by place in the batch. */
type Call = {
  readonly results: DeliveryResult[];
  readonly source: string;
  readonly signal: AbortSignal;
  readonly untilMs: number;
  /** Why nothing more is tried. */
  over?: string;
};
type Placed = { readonly at: number; readonly row: TextRow };

/**
 * Keeps a table equal to the last value of each key: one statement a call, which changes only what is older there. An error that is a record's own fault
 * (SQLSTATE 22, 23, 54, P0001) refuses that record, found by halving; any other is tried again.
 */
export class PostgresSink implements Sink {
  readonly limits: SinkLimits = { records: 500, bytes: 4 << 20, calls: 1 };
  readonly #options;
  #ready: Promise<void> | undefined;

  /** @throws {PostgresError} `POSTGRES_TABLE_MALFORMED` */
  constructor(options: PostgresSinkOptions) {
    checkTable(options);
    this.#options = options;
  }

  /** Makes or compares the table, once; `deliver` does it too. @throws {PostgresError} `POSTGRES_TABLE_MISMATCH` */
  async prepare(signal: AbortSignal): Promise<void> {
    this.#ready ??= ensureTable(this.#options.connection, this.#options, signal);
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }

  async deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    const { origin = "", callMs = 30_000 } = this.#options;
    const [first] = batch;
    if (first === undefined) return [];
    const untilMs = performance.now() + callMs * 0.8;
    await this.prepare(signal);
    const source = `${origin}${first.at.topic}/${first.at.partition}`;
    const call: Call = { results: [], source, signal, untilMs };
    for (const round of roundsOf(this.#options, this.#rendered(batch, call))) await this.#apply(round, call);
    return call.results;
  }

  close(): Promise<void> {
    return this.#options.connection.close();
  }

  #rendered(batch: readonly Delivery[], { results }: Call): Placed[] {
    return batch.flatMap((record, at) => {
      try {
        const row = textRow(this.#options, this.#options.render(record), { offset: record.order, gone: record.value === null });
        return [{ at, row }];
      } catch (error) {
        results[at] = { kind: "refused", reason: "unrenderable", answer: messageOf(error) };
        return [];
      }
    });
  }

  /** Rows with different keys; never rejects. */
  async #apply(placed: readonly Placed[], call: Call): Promise<void> {
    if (placed.length === 0) return;
    if (performance.now() > call.untilMs) call.over ??= "the call's time is over";
    if (call.over !== undefined) return tell(call, placed, { kind: "retry", reason: call.over });
    const rows = placed.map(({ row }) => row);
    const { text, values } = statementFor(this.#options, call.source, rows);
    try {
      await this.#options.connection.query(text, values, call.signal);
      tell(call, placed, { kind: "delivered" });
    } catch (error) {
      const state = stateOf(error);
      if (state === undefined || !isOfARecord(state)) {
        // The table is not what it was.
        if (state?.startsWith("42") === true) this.#ready = undefined;
        call.over = state === undefined ? messageOf(error) : `sql-${state}: ${messageOf(error)}`;
        // A line that breaks says nothing of what its statement did.
        return tell(call, placed, { kind: "retry", reason: call.over, ...(state === undefined ? { unanswered: true } : {}) });
      }
      if (placed.length === 1) return tell(call, placed, { kind: "refused", reason: `sql-${state}`, answer: messageOf(error) });
      const middle = placed.length >> 1;
      await this.#apply(placed.slice(0, middle), call);
      await this.#apply(placed.slice(middle), call);
    }
  }
}

/** No key twice in a round, and each key's rows in their order: records may come to the same row by different keys of their own. */
function roundsOf(table: PostgresTable, placed: readonly Placed[]): Placed[][] {
  const rounds: Placed[][] = [];
  const seen = new Map<string, number>();
  for (const one of placed) {
    const key = keyTextOfRow(table, one.row);
    const round = seen.get(key) ?? 0;
    seen.set(key, round + 1);
    (rounds[round] ??= []).push(one);
  }
  return rounds;
}

function tell({ results }: Call, placed: readonly Placed[], result: DeliveryResult): void {
  for (const { at } of placed) results[at] = result;
}

/** Data and constraints; limits of a row or an index; what a trigger raised. 21000: two texts are one key to PostgreSQL, which halving sets apart. */
const isOfARecord = (state: string): boolean => /^(22|23|54|P0001$|21000$)/.test(state);

/** SQLSTATE: five places, in a server's answer only. Node's own codes are longer or begin with E. */
function stateOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

/** Of an answer, so much is kept for the dead letter. */
const answerLength = 1000;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, answerLength);
