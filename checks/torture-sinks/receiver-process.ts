import { createServer } from "node:http";

/**
 * A receiver of webhooks as its owner would write one, in a process of its own that nobody kills: it takes each idempotency key once, and keeps the last row of
 * each article. It says its port on the first line; `GET /` tells what it has.
 */
const rows = new Map<string, string>();
const seen = new Set<string>();
/** The newest offset of each article, since an older one that is new would be out of order. */
const newest = new Map<string, bigint>();
let repeated = 0;
let disordered = 0;

function take(id: string, body: string): void {
  if (seen.has(id)) {
    repeated += 1;
    return;
  }
  seen.add(id);
  const { sku, units, revenue } = JSON.parse(body) as { sku: string; units: number; revenue: { amount: string } };
  const offset = BigInt(id.slice(id.lastIndexOf("/") + 1));
  if (offset < (newest.get(sku) ?? -1n)) disordered += 1;
  newest.set(sku, offset);
  rows.set(sku, `${sku},${units},${revenue.amount}`);
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    if (request.method === "GET") {
      response.end(JSON.stringify({ rows: [...rows.values()].toSorted(), ids: [...seen], repeated, disordered }));
      return;
    }
    take(String(request.headers["webhook-id"]), Buffer.concat(parts).toString());
    response.writeHead(204).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address!.port : ""}\n`);
});
