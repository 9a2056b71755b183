import { Agent, get } from "node:http";

/**
 * Reads streams and puts together what each tells: `readers.ts URL ALL_PATH KEYED_PATH READERS`. Half of the readers read all rows of one query, half
 * one key each of the other. When its standard input ends it compares what each has put together with a pull, and reports.
 */
export type ReadersReport = Record<"readers" | "connected" | "megabytes" | "resets" | "judged" | "missed", number>;

const [url = "", all = "", keyed = "", count = "1000"] = process.argv.slice(2);
const report = { readers: Number(count), connected: 0, megabytes: 0, resets: 0, judged: 0, missed: 0 };
let bytes = 0;
let resets = 0;
const agent = new Agent({ maxSockets: Infinity });

type Row = readonly [key: string, row: Readonly<Record<string, unknown>>];
type Judged = { readonly query: string; readonly filter: string; readonly rows: Map<string, Row[1]> };
const judged: Judged[] = [];
const parsed = new Map<string, readonly Row[]>();

for (let n = 0; n < Number(count); n++) {
  const [query, filter] = n % 2 === 0 ? [all, ""] : [keyed, `sku=sku-${n}`];
  judge(`/v1/queries/${query}/stream?${filter}`, { query: query!, filter: filter!, rows: new Map() });
  if (n % 20 === 19) await new Promise((settle) => setTimeout(settle, 20));
}
process.stdin.resume().on("end", () => void finish());

function judge(path: string, one: Judged): void {
  judged.push(one);
  get(`${url}${path}`, { agent }, (answer) => {
    report.connected += 1;
    let text = "";
    answer.setEncoding("utf8").on("data", (more: string) => {
      bytes += more.length;
      text += more;
      const events = text.split("\n\n");
      text = events.pop()!;
      for (const event of events) take(event, one);
    });
  });
}

function take(event: string, { rows }: Judged): void {
  const name = /^event: (.*)$/m.exec(event)?.[1];
  if (name === "reset") resets += 1;
  if (name === "reset") rows.clear();
  if (name !== "snapshot" && name !== "upsert") return;
  for (const [key, row] of rowsIn(/^data: (.*)$/m.exec(event)![1]!)) rows.set(key, row);
}

/** Hundreds hear the same: it is the server that is measured. */
function rowsIn(data: string): readonly Row[] {
  let rows = parsed.get(data);
  if (rows !== undefined) return rows;
  ({ rows } = JSON.parse(data) as { readonly rows: readonly Row[] });
  if (parsed.size >= 200) parsed.clear();
  parsed.set(data, rows);
  return rows;
}

const textsOf = (rows: Iterable<Readonly<Record<string, unknown>>>): string =>
  Array.from(rows, (row) => JSON.stringify(row))
    .toSorted()
    .join("\n");

async function finish(): Promise<void> {
  const pulls = new Map<string, string>();
  for (const { query, filter, rows } of judged) {
    const path = `/v1/queries/${query}?limit=10000&${filter}`;
    const right = pulls.get(path) ?? (await pull(path));
    pulls.set(path, right);
    if (right === "" || right !== textsOf(rows.values())) report.missed += 1;
  }
  const answer = { ...report, resets, megabytes: Math.round(bytes / 1e6), judged: judged.length } satisfies ReadersReport;
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
}

async function pull(path: string): Promise<string> {
  const answer = await fetch(`${url}${path}`);
  const pulled = ((await answer.json()) as { readonly rows: Record<string, unknown>[] }).rows;
  for (const row of pulled) delete row["final"];
  return textsOf(pulled);
}
