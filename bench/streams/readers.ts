import { Agent, get } from "node:http";
import { connect } from "node:net";

/**
 * Reads streams and does nothing with them, but for some that are put together: `readers.ts URL ALL_PATH KEYED_PATH READERS`. Half of the readers read
 * all rows of one query, half one key each of the other. When its standard input ends it compares what it has put together with pulls, and reports.
 */
export type ReadersReport = Record<"readers" | "connected" | "megabytes" | "resets" | "judged" | "missed", number>;

const [url = "", all = "", keyed = "", count = "1000"] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const judgedEvery = 50;
const report = { readers: Number(count), connected: 0, megabytes: 0, resets: 0, judged: 0, missed: 0 };
let bytes = 0;
let resets = 0;
const agent = new Agent({ maxSockets: Infinity });

type Row = readonly [key: string, row: Readonly<Record<string, unknown>>];
type Judged = { readonly query: string; readonly filter: string; readonly rows: Map<string, Row[1]> };
const judged: Judged[] = [];

for (let n = 0; n < Number(count); n++) {
  const [query, filter] = n % 2 === 0 ? [all, ""] : [keyed, `sku=sku-${n}`];
  const path = `/v1/queries/${query}/stream?${filter}`;
  if (n % judgedEvery < 2) judge(path, { query: query!, filter: filter!, rows: new Map() });
  else drink(path);
  if (n % 20 === 19) await new Promise((settle) => setTimeout(settle, 20));
}
process.stdin.resume().on("end", () => void finish());

/** As cheap as a reader can be: it is the server that is measured. */
function drink(path: string): void {
  const socket = connect(Number(port), hostname);
  socket.once("data", () => (report.connected += 1));
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    if (chunk.includes("event: reset")) resets += 1;
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
}

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
  const data = JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as { readonly rows: readonly Row[] };
  for (const [key, row] of data.rows) rows.set(key, row);
}

const textsOf = (rows: Iterable<Readonly<Record<string, unknown>>>): string =>
  Array.from(rows, (row) => JSON.stringify(row))
    .toSorted()
    .join("\n");

async function finish(): Promise<void> {
  for (const { query, filter, rows } of judged) {
    const answer = await fetch(`${url}/v1/queries/${query}?limit=10000&${filter}`);
    const pulled = ((await answer.json()) as { readonly rows: Record<string, unknown>[] }).rows;
    for (const row of pulled) delete row["final"];
    if (pulled.length === 0 || textsOf(pulled) !== textsOf(rows.values())) report.missed += 1;
  }
  const answer = { ...report, resets, megabytes: Math.round(bytes / 1e6), judged: judged.length } satisfies ReadersReport;
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
}
