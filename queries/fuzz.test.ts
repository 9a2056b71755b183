import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom, testSeed, type SeededRandom } from "#schemas/testing/seeded-random.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import { minuteMs } from "./testing/shop-plan.ts";
import { openTestShop, type TestShop } from "./testing/test-shop.ts";

const seed = testSeed();
let shop: TestShop;
beforeAll(async () => {
  shop = await openTestShop({ slice: { rows: 3 } });
  const lines = Array.from({ length: 20 }, (_, i) => ({ sku: `s${i}`, units: i, revenue: i }));
  const orders = [0, 1, 2].map((i) => ({ id: `o${i}`, customer: `c${i}`, timestamp: Date.UTC(2011, 3, 1) + i * minuteMs, lines }));
  await shop.shown(await shop.post(orders));
});
afterAll(() => shop.close());

const paths = [
  "sales-by-sku",
  "sales-per-minute",
  "top-per-minute",
  "orders-per-minute",
  "sales-by-sku.csv",
  "nothing",
  "%F0%9F%98%80",
  "a b",
];
const names = [
  "sku",
  "units",
  "revenue",
  "window_start",
  "rank",
  "format",
  "limit",
  "cursor",
  "order",
  "from",
  "to",
  "after",
  "__proto__",
  "x[]",
  "",
];
const texts = [
  "s1",
  "7",
  "-1",
  "1e9",
  "0.0005",
  "json",
  "csv",
  "units",
  "-revenue",
  "2011-04-01",
  "2011-02-30",
  "-1m",
  "-999999999d",
  "orders:0:0",

  "orders:1:99999999999999999999",
  "9999-12-31T23:59:59Z",
  "0000-01-01T00:00:00Z",
  "NaN",
  "Infinity",
  "\u0000",
  "'; DROP TABLE",
  "%",
  "..",
  "null",
];

function text(random: SeededRandom): string {
  if (random.chance(0.8)) return random.pick(texts);
  return Array.from({ length: random.between(0, 30) }, () => String.fromCodePoint(random.between(1, 0xd7ff))).join("");
}

test(`[Q9] no question, however it is put, gives a bug, a hang or an answer of another form (SEED=${seed})`, async () => {
  const random = seededRandom(seed);
  const seen = new Set<number>();
  for (let i = 0; i < 400; i++) {
    const asked = Array.from(
      { length: random.between(0, 4) },
      () => `${encodeURIComponent(random.pick(names))}=${encodeURIComponent(text(random))}`,
    );
    const path = `/v1/queries/${random.pick(paths)}?${asked.join("&")}`;
    const response = await shop.get(path, { prefer: "wait=0", accept: random.pick(["*/*", "text/csv", "application/json;q=x", ";,", ""]) });
    const body = await response.text();
    seen.add(response.status);
    expect([200, 400, 404, 406, 504], path).toContain(response.status);
    if (response.status !== 200) expect(Object.keys(JSON.parse(body) as object), path).toContain("detail");
    else if (response.headers.get("content-type") === "application/json")
      expect(Object.keys(JSON.parse(body) as object), path).toContain("rows");
  }
  expect(seen.size).toBeGreaterThan(3);
});

test("[Q12] a cursor comes back as it was, and any other text is none", () => {
  const random = seededRandom(seed);
  const question = { query: "sales", filters: [["sku", ["b", "a"]]] as const };
  for (let i = 0; i < 200; i++) {
    const position = { windowStart: random.between(-1, 5), key: text(random), rows: random.pick([0, 1, Number.MAX_SAFE_INTEGER]) };
    const cursor = formatCursor(position, question);
    expect(parseCursor(cursor, { ...question, filters: [["sku", ["a", "b"]]] })).toEqual(position);
    expect(parseCursor(cursor, { ...question, query: "stock" })).toBeUndefined();
    const at = random.between(0, cursor.length - 1);
    const broken = parseCursor(`${cursor.slice(0, at)}${random.pick(["A", "_", "", "é"])}${cursor.slice(at + 1)}`, question);
    if (broken !== undefined) expect(typeof broken.key).toBe("string");
    expect(parseCursor(Buffer.from(JSON.stringify([text(random), 1])).toString("base64url"), question)).toBeUndefined();
  }
});
