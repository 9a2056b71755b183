import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

// k6 reads an answer when it is whole, and a stream never is: the readers of `mixed` are the runner's own.

export type ReadersReport = {
  readonly readers: number;
  readonly connected: number;
  /** Rows that were told, over all readers. */
  readonly rows: number;
  /** Connections that broke off. */
  readonly broken: number;
  /** Readers whose last rows are not what a pull shows. */
  readonly missed: number;
  readonly good: boolean;
};

type Row = Readonly<Record<string, unknown>>;
type Reader = {
  readonly query: string;
  readonly filter: string;
  readonly rows: Map<string, Row>;
  connected: boolean;
  broken: boolean;
  told: number;
};

const queries = [
  { query: "orders-per-minute", filterOf: () => "" },
  { query: "sales-by-sku", filterOf: (n: number) => `sku=${10_000 + (n % 50) * 7}` },
] as const;
const compareMs = 15_000;

/** So many readers of streams, half of all rows of one query, half of one row each of another. */
export class StreamReaders {
  readonly #url: string;
  readonly #agent = new Agent({ maxSockets: Infinity });
  readonly #readers: readonly Reader[];

  constructor(url: string, count: number) {
    this.#url = url;
    this.#readers = Array.from({ length: count }, (_, n) => {
      const { query, filterOf } = queries[n % queries.length]!;
      return { query, filter: filterOf(n), rows: new Map(), connected: false, broken: false, told: 0 };
    });
  }

  /** Settles when all have heard something, or cannot. */
  async start(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => this.#read(reader)));
  }

  /** Compares what each has put together with a pull, once nothing more is sent to the server, and lets go. [LT10] */
  async finish(): Promise<ReadersReport> {
    const deadline = performance.now() + compareMs;
    let missed = await this.#missed();
    while (missed > 0 && performance.now() < deadline) {
      await delay(250);
      missed = await this.#missed();
    }
    const sum = (of: (reader: Reader) => number): number => this.#readers.reduce((all, reader) => all + of(reader), 0);
    const broken = sum(({ broken }) => Number(broken));
    this.close();
    return {
      readers: this.#readers.length,
      connected: sum(({ connected }) => Number(connected)),
      rows: sum(({ told }) => told),
      broken,
      missed,
      good: broken + missed === 0,
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  #read(reader: Reader): Promise<void> {
    return new Promise((settle) => {
      const end = (): void => {
        reader.broken = true;
        settle();
      };
      const request = get(`${this.#url}/v1/queries/${reader.query}/stream?${reader.filter}`, { agent: this.#agent }, (answer) => {
        if (answer.statusCode !== 200) end();
        let text = "";
        answer.setEncoding("utf8").on("data", (more: string) => {
          reader.connected = true;
          settle();
          const events = (text + more).split("\n\n");
          text = events.pop()!;
          for (const event of events) take(event, reader);
        });
        answer.on("close", end);
      });
      request.on("error", end);
    });
  }

  async #missed(): Promise<number> {
    const pulled = new Map<string, string>();
    let missed = 0;
    for (const { query, filter, rows } of this.#readers) {
      const path = `${query}?limit=10000&${filter}`;
      let shown = pulled.get(path);
      if (shown === undefined) {
        const answer = await fetch(`${this.#url}/v1/queries/${path}`);
        const { rows = [] } = (await answer.json()) as { readonly rows?: readonly Record<string, unknown>[] };
        for (const row of rows) delete row["final"];
        pulled.set(path, (shown = textOf(rows)));
      }
      if (textOf(rows.values()) !== shown) missed += 1;
    }
    return missed;
  }
}

function take(event: string, reader: Reader): void {
  const name = /^event: (.*)$/m.exec(event)?.[1];
  const text = /^data: (.*)$/m.exec(event)?.[1];
  if (name === undefined || text === undefined) return;
  const data = JSON.parse(text) as {
    readonly part?: number;
    readonly rows?: readonly (readonly [string, Row])[];
    readonly keys?: readonly string[];
  };
  if (name === "reset" || (name === "snapshot" && data.part === 0)) reader.rows.clear();
  for (const [key, row] of data.rows ?? []) reader.rows.set(key, row);
  reader.told += data.rows?.length ?? 0;
  if (name === "delete") for (const key of data.keys ?? []) reader.rows.delete(key);
}

const textOf = (rows: Iterable<Row>): string =>
  Array.from(rows, (row) => JSON.stringify(row))
    .toSorted()
    .join("\n");
