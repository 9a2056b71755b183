import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatToken, type Position } from "@millrace/engine";
import { catalogueOf } from "./catalogue.ts";
import { isQueryProblemSlug, problemPath, type QueryProblemSlug } from "./problem.ts";
import { createQueries } from "./queries.ts";
import type { QueryAnswerer } from "./query-request.ts";
import { minuteMs, shopPlan, shopQueries } from "./testing/shop-plan.ts";
import { openTestShop, type PostedOrder, type TestShop } from "./testing/test-shop.ts";
import { csvLine } from "./csv.ts";

const day = Date.UTC(2011, 3, 1);
const order = (id: string, minute: number, lines: PostedOrder["lines"]): PostedOrder => ({
  id,
  customer: `customer ${id}`,
  timestamp: day + minute * minuteMs,
  lines,
});

const hostile = [
  '=HYPERLINK("http://x")',
  "a,b",
  'quo"te',
  "line\r\nbreak",
  "-5",
  "@sum",
  "日本",
  "\u{1F600}",
  "\uFF5E",
  "' OR 1=1 --",
  ".*",
  "__proto__",
  "constructor",
];

let shop: TestShop;
afterEach(() => shop.close());

async function json(
  path: string,
  headers?: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: Body; readonly headers: Headers }> {
  const response = await shop.get(path, headers);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

type Body = {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly asOf: { readonly streamTime: string | null; readonly offsets: Readonly<Record<string, Readonly<Record<string, string>>>> };
  readonly complete: boolean;
  readonly next: string | null;
  readonly type: string;
  readonly detail: string;
  readonly [member: string]: unknown;
};

describe("a shop with a few orders", () => {
  let posted: readonly Position[];
  beforeEach(async () => {
    shop = await openTestShop({ queries: { nowMs: () => day + 10 * minuteMs } });
    posted = await shop.post([
      order("o1", 0, [
        { sku: "a", units: 2, revenue: 25_000 },
        { sku: "b", units: 1, revenue: 1 },
      ]),
      order("o2", 0.5, [{ sku: "a", units: 1, revenue: 12_500 }]),
      order("o3", 2, [
        { sku: "c", units: 9, revenue: -90_000 },
        { sku: "d", units: 4, revenue: 40_000 },
        { sku: "e", units: 5, revenue: 50_000 },
      ]),
    ]);
    await shop.shown(posted);
  });

  test("[Q1] the catalogue names every query with its columns, types, units, key, window and links", async () => {
    const response = await shop.get("/v1/queries");
    const { queries } = (await response.json()) as { queries: readonly Readonly<Record<string, unknown>>[] };
    expect(queries.map(({ name }) => name)).toEqual(["orders-per-minute", "sales-by-sku", "sales-per-minute", "top-per-minute"]);
    expect(queries[2]).toEqual({
      name: "sales-per-minute",
      kind: "window",
      key: ["sku"],
      columns: [
        { name: "sku", type: "string", nullable: false },
        { name: "window_start", type: "timestamp", nullable: false },
        { name: "window_end", type: "timestamp", nullable: false },
        { name: "units", type: "int", nullable: false },
        { name: "revenue", type: "decimal", nullable: false, unit: "currency" },
      ],
      window: { sizeMs: 60_000, graceMs: 30_000, retainMs: 1e12 },
      topics: ["orders"],
      links: {
        json: "/v1/queries/sales-per-minute?format=json",
        ndjson: "/v1/queries/sales-per-minute?format=ndjson",
        csv: "/v1/queries/sales-per-minute?format=csv",
        spreadsheet: "/v1/queries/sales-per-minute?format=spreadsheet",
        stream: "/v1/queries/sales-per-minute/stream",
      },
    });
  });

  test("[Q2] rows come by window, then by key; ndjson rows have exactly the columns, in their order, money as text", async () => {
    const response = await shop.get("/v1/queries/sales-per-minute?format=ndjson");
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const w0 = '"window_start":"2011-04-01T00:00:00.000Z","window_end":"2011-04-01T00:01:00.000Z"';
    const w2 = '"window_start":"2011-04-01T00:02:00.000Z","window_end":"2011-04-01T00:03:00.000Z"';
    expect(await response.text()).toBe(
      [
        `{"sku":"a",${w0},"units":3,"revenue":"3.75"}`,
        `{"sku":"b",${w0},"units":1,"revenue":"0.0001"}`,
        `{"sku":"c",${w2},"units":9,"revenue":"-9.00"}`,
        `{"sku":"d",${w2},"units":4,"revenue":"4.00"}`,
        `{"sku":"e",${w2},"units":5,"revenue":"5.00"}`,
        "",
      ].join("\n"),
    );
  });

  test("[Q3] json says as of when, whether it is whole, and for each window whether it can still change", async () => {
    const { body, headers } = await json("/v1/queries/sales-per-minute?sku=a&sku=d");
    expect(body.rows.map(({ sku, units, final }) => [sku, units, final])).toEqual([
      ["a", 3, false],
      ["d", 4, false],
    ]);
    expect(body.asOf.streamTime).toBe("2011-04-01T00:02:00.000Z");
    expect(Object.keys(body.asOf.offsets)).toEqual(["shop-lines-repartition"]);
    expect([body.complete, body.next]).toEqual([true, null]);
    // Minutes later in every task, the first window of "a" can no longer change.
    const skus = Array.from({ length: 30 }, (_, i) => ({ sku: `later ${i}`, units: 1, revenue: 1 }));
    const later = [5, 6, 7].flatMap((minute) => [0, 1, 2, 3, 4, 5].map((i) => order(`later ${minute} ${i}`, minute, skus)));
    await shop.shown(await shop.post(later));
    await expect
      .poll(async () => (await json("/v1/queries/sales-per-minute?sku=a")).body.rows[0]!["final"], { timeout: 10_000 })
      .toBe(true);
    expect((await json("/v1/queries/sales-per-minute?sku=later+1")).body.rows.at(-1)!["final"]).toBe(false);
    expect(headers.get("x-data-as-of")).toBe("2011-04-01T00:02:00.000Z");
    expect(headers.get("x-data-lag-ms")).toBe(String(8 * minuteMs));
    expect(headers.get("cache-control")).toBe("private, no-cache");
  });

  test("[Q45] an answer has an ETag: the same one is answered by 304 without a body, another one whole", async () => {
    for (const path of ["sales-by-sku", "sales-by-sku?limit=1", "sales-by-sku.csv", "sales-by-sku?format=ndjson&limit=2"]) {
      const first = await shop.get(`/v1/queries/${path}`);
      const etag = first.headers.get("etag")!;
      expect(etag).toMatch(/^"[\w-]{27}"$/);
      for (const asked of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
        const again = await shop.get(`/v1/queries/${path}`, { "If-None-Match": asked });
        expect([again.status, again.headers.get("etag"), again.headers.get("cache-control")]).toEqual([304, etag, "private, no-cache"]);
        expect(await again.text()).toBe("");
      }
      expect((await shop.get(`/v1/queries/${path}`, { "If-None-Match": '"other"' })).status).toBe(200);
      // Another format is another answer.
      expect((await shop.get("/v1/queries/sales-by-sku?format=ndjson", { "If-None-Match": etag })).status).toBe(200);
    }
    const { headers } = await shop.get("/v1/queries/sales-by-sku");
    await shop.shown(await shop.post([order("o4", 2, [{ sku: "a", units: 1, revenue: 1 }])]));
    const changed = await shop.get("/v1/queries/sales-by-sku", { "If-None-Match": headers.get("etag")! });
    expect(changed.status).toBe(200);
    expect((await shop.get("/v1/queries/nothing")).headers.get("cache-control")).toBe("no-store");
  });

  test("[Q4] a ranking has its best rows only, ranked within their window", async () => {
    const { body } = await json("/v1/queries/top-per-minute");
    expect(body.rows.map((row) => [row["window_start"], row["rank"], row["sku"], row["revenue"]])).toEqual([
      ["2011-04-01T00:00:00.000Z", 1, "a", "3.75"],
      ["2011-04-01T00:00:00.000Z", 2, "b", "0.0001"],
      ["2011-04-01T00:02:00.000Z", 1, "e", "5.00"],
      ["2011-04-01T00:02:00.000Z", 2, "d", "4.00"],
      ["2011-04-01T00:02:00.000Z", 3, "c", "-9.00"],
    ]);
  });

  test("[Q5] a filter takes any of a column's texts and all of the columns; texts are read by the column's type", async () => {
    const skus = async (query: string): Promise<unknown[]> => (await json(query)).body.rows.map(({ sku }) => sku);
    expect(await skus("/v1/queries/sales-by-sku?sku=a&sku=e&sku=nothing")).toEqual(["a", "e"]);
    expect(await skus("/v1/queries/sales-by-sku?sku=a&sku=e&units=5")).toEqual(["e"]);
    expect(await skus("/v1/queries/sales-by-sku?revenue=3.7500")).toEqual(["a"]);
    expect(await skus("/v1/queries/sales-by-sku?revenue=-9")).toEqual(["c"]);
    expect(await skus("/v1/queries/sales-per-minute?window_start=2011-04-01T02:02:00%2B02:00")).toEqual(["c", "d", "e"]);
    expect(await skus("/v1/queries/top-per-minute?rank=1")).toEqual(["a", "e"]);
  });

  test("[Q6] from and to bound the starts of windows: a time, a day, or a span before the newest event", async () => {
    const skus = async (bounds: string, query = "sales-per-minute"): Promise<string> =>
      (await json(`/v1/queries/${query}?${bounds}`)).body.rows.map(({ sku }) => sku).join("");
    expect(await skus("from=2011-04-01T00:01:00Z")).toBe("cde");
    expect(await skus("to=2011-04-01T00:02:00Z")).toBe("ab");
    expect(await skus("from=2011-04-01&to=2011-04-02")).toBe("abcde");
    expect(await skus("to=2011-04-01")).toBe("");
    expect(await skus("from=-1m")).toBe("cde");
    expect(await skus("from=-2h&to=-1m")).toBe("ab");
    expect(await skus("from=-999999999d")).toBe("abcde");
    expect(await skus("from=2011-04-01T00:01:00Z", "top-per-minute")).toBe("edc");
    const table = await json("/v1/queries/sales-by-sku?from=2011-04-01");
    expect([table.status, table.body.type]).toEqual([400, "/problems/queries/unknown-filter"]);
  });

  test("[Q7] order gives the first rows by a column, by its type", async () => {
    const skus = async (query: string): Promise<string> => (await json(query)).body.rows.map(({ sku }) => sku).join("");
    expect(await skus("/v1/queries/sales-by-sku?order=-revenue&limit=2")).toBe("ed");
    expect(await skus("/v1/queries/sales-by-sku?order=revenue")).toBe("cbade");
    expect(await skus("/v1/queries/sales-by-sku?order=units&limit=3")).toBe("bad");
  });

  test("[Q8] the format is that of the parameter, the name's ending or the Accept header", async () => {
    const type = async (path: string, accept?: string): Promise<string> => {
      const response = await shop.get(path, accept === undefined ? {} : { accept });
      return `${response.status} ${response.headers.get("content-type")}`;
    };
    expect(await type("/v1/queries/sales-by-sku.csv?format=ndjson", "text/csv")).toBe("200 application/x-ndjson");
    expect(await type("/v1/queries/sales-by-sku.csv")).toBe("200 text/csv; charset=utf-8; header=present");
    expect(await type("/v1/queries/sales-by-sku", "text/csv;q=0.5, application/x-ndjson")).toBe("200 application/x-ndjson");
    expect(await type("/v1/queries/sales-by-sku", "text/html, */*;q=0.1")).toBe("200 application/json");
    expect(await type("/v1/queries/sales-by-sku", "image/png")).toBe("406 application/problem+json");
    expect(await type("/v1/queries/sales-by-sku?format=xml")).toBe("400 application/problem+json");
  });

  test("[Q9] what cannot be asked is told with what would be right", async () => {
    const problem = async (path: string): Promise<string> => {
      const { status, body, headers } = await json(path);
      expect(headers.get("content-type")).toBe("application/problem+json");
      expect(isQueryProblemSlug(body.type.slice(problemPath("" as QueryProblemSlug).length))).toBe(true);
      return `${status} ${body.detail}`;
    };
    expect(await problem("/v1/queries/sales-by-sk")).toBe('404 there is no query "sales-by-sk"; did you mean "sales-by-sku"?');
    expect(await problem("/v1/queries/sales-by-sku?skuu=a")).toBe('400 "sales-by-sku" has no column "skuu"; did you mean "sku"?');
    expect(await problem("/v1/queries/sales-by-sku?units=many")).toBe('400 "units" is a whole number');
    expect(await problem("/v1/queries/sales-by-sku?limit=0")).toBe('400 "limit" is a whole number, at least 1');
    expect(await problem("/v1/queries/sales-by-sku?limit=1&limit=2")).toBe('400 "limit" is given twice');
    expect(await problem("/v1/queries/sales-by-sku?cursor=AAAA")).toBe("400 this cursor was not given for this query and these filters");
    expect(await problem("/v1/queries/sales-by-sku?order=price")).toContain('400 "order" is a column of "sales-by-sku"');
    expect(await problem("/v1/queries/sales-per-minute?from=yesterday")).toContain('400 "from" is a time');
    expect(await problem("/v1/queries/sales-by-sku?after=orders:1")).toBe('400 a token is topic:partition:offset: "orders:1" is none');
    expect(await problem("/v1/queries/sales-by-sku?after=orders:77:1")).toBe("400 there is no partition 77 of orders, which has 3");
    expect((await json("/v1/queries/sales-by-sku?x=1")).body["columns"]).toEqual(["sku", "units", "revenue"]);
    expect((await shop.app.request("/v1/queries/sales-by-sku", { method: "POST" })).status).toBe(405);
  });

  test("[Q10] a limit beyond the most is clamped, and says so", async () => {
    const { status, headers } = await json("/v1/queries/sales-by-sku?limit=1e9");
    expect([status, headers.get("x-limit"), headers.get("x-limit-clamped")]).toEqual([200, "10000", "1000000000 to 10000"]);
  });

  test("[Q11] an answer waits for a token until it shows the event, at most as long as is preferred; tokens of other topics are let be", async () => {
    const [at] = await shop.post([order("o4", 3, [{ sku: "f", units: 1, revenue: 1 }])]);
    const path = `/v1/queries/orders-per-minute?after=${formatToken(at!)},other:0:99`;
    const { body, headers } = await json(path, { prefer: "respond-async, wait=30" });
    expect(body.rows.at(-1)!["orders"]).toEqual(["o4"]);
    expect(headers.get("preference-applied")).toBe("wait=30");
    const late = await json(`/v1/queries/orders-per-minute?after=${at!.topic}:${at!.partition}:999999`, { prefer: "wait=0" });
    expect([late.status, late.body.type, late.body.asOf.streamTime]).toEqual([
      504,
      "/problems/queries/after-not-reached",
      "2011-04-01T00:03:00.000Z",
    ]);
    expect((await json(path, { prefer: "wait=9999" })).headers.get("preference-applied")).toBe("wait=60");
  });

  test("[Q12] a page ends with a cursor that names a key: what comes before or behind it moves nothing", async () => {
    const first = await json("/v1/queries/sales-by-sku?limit=2");
    expect(first.body.rows.map(({ sku }) => sku)).toEqual(["a", "b"]);
    expect(first.body.complete).toBe(false);
    expect(first.headers.get("link")).toBe(`</v1/queries/sales-by-sku?limit=2&cursor=${first.body.next}>; rel="next"`);
    await shop.shown(
      await shop.post([
        order(
          "o5",
          3,
          ["A", "aa", "bb"].map((sku) => ({ sku, units: 1, revenue: 1 })),
        ),
      ]),
    );
    const second = await json(`/v1/queries/sales-by-sku?limit=9&cursor=${first.body.next}`);
    expect(second.body.rows.map(({ sku }) => sku)).toEqual(["bb", "c", "d", "e"]);
    expect(second.body.complete).toBe(true);
    expect((await json(`/v1/queries/sales-by-sku?units=1&cursor=${first.body.next}`)).body.type).toBe("/problems/queries/invalid-cursor");
    expect((await json(`/v1/queries/sales-per-minute?cursor=${first.body.next}`)).body.type).toBe("/problems/queries/invalid-cursor");
  });
});

test("[Q13] a query that cannot be answered says so, and when to ask again; nobody is kept waiting", async () => {
  shop = await openTestShop({ queries: { answerTimeoutMs: 50 } });
  await shop.worker.stop();
  for (const path of ["/v1/queries/sales-by-sku", "/v1/queries/sales-by-sku?format=csv", "/v1/queries/sales-by-sku?order=sku"]) {
    const response = await shop.get(path);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  }
});

test("[Q14] before the first event every query answers no rows, as of nothing", async () => {
  shop = await openTestShop();
  const { body, headers } = await json("/v1/queries/sales-per-minute?from=-30m");
  expect([body.rows, body.asOf.streamTime, body.complete]).toEqual([[], null, true]);
  expect(headers.get("x-data-as-of")).toBeNull();
  expect(await (await shop.get("/v1/queries/sales-by-sku.ndjson")).text()).toBe("");
  expect(await (await shop.get("/v1/queries/sales-by-sku.csv")).text()).toBe("sku,units,revenue\r\n");
});

describe("hostile values", () => {
  beforeEach(async () => {
    shop = await openTestShop();
    await shop.shown(await shop.post(hostile.map((sku, i) => order(`o${i}`, 0, [{ sku, units: i, revenue: -10_000 * i }]))));
  });

  test("[Q15] are taken literally in filters and come back as they are", async () => {
    for (const [i, sku] of hostile.entries()) {
      for (const query of ["sales-by-sku", "sales-per-minute", "top-per-minute"]) {
        const { status, body } = await json(`/v1/queries/${query}?sku=${encodeURIComponent(sku)}`);
        expect(status).toBe(200);
        if (query !== "top-per-minute") expect(body.rows.map((row) => [row["sku"], row["units"]])).toEqual([[sku, i]]);
      }
    }
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect((await json(`/v1/queries/sales-by-sku?${name}=1`)).status).toBe(400);
      expect((await json(`/v1/queries/${name}`)).status).toBe(404);
    }
  });

  test("[Q16] rows of all partitions are in the order of code points", async () => {
    const { body } = await json("/v1/queries/sales-by-sku");
    const skus = body.rows.map(({ sku }) => Buffer.from(String(sku)).toString("hex"));
    expect(skus).toEqual(hostile.map((sku) => Buffer.from(sku).toString("hex")).toSorted());
  });

  test("[Q17] csv quotes by RFC 4180 and keeps text from being taken for a formula; numbers stay numbers", async () => {
    const lines = await (await shop.get("/v1/queries/sales-by-sku?format=csv")).text();
    expect(lines).toContain(`"'=HYPERLINK(""http://x"")",0,0.00\r\n`);
    expect(lines).toContain(`"a,b",1,-1.00\r\n`);
    expect(lines).toContain(`"quo""te",2,-2.00\r\n`);
    expect(lines).toContain(`"line\r\nbreak",3,-3.00\r\n`);
    expect(lines).toContain(`'-5,4,-4.00\r\n`);
    expect(lines).toContain(`'@sum,5,-5.00\r\n`);
    // Spreadsheets of some languages read the wide forms alike.
    for (const wide of ["＝1", "＋1", "－1", "＠a"]) expect(csvLine([wide], [true])).toBe(`'${wide}\r\n`);
  });

  test("[Q17] a spreadsheet gets times and letters that it reads, what is final, and no formula either", async () => {
    const response = await shop.get("/v1/queries/sales-per-minute?format=spreadsheet");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="sales-per-minute.csv"');
    const [head, ...lines] = Buffer.from(await response.arrayBuffer())
      .toString("utf8")
      .split("\r\n");
    expect(head).toBe("\uFEFFsku,window_start,window_end,units,revenue,final");
    expect(lines.find((line) => line.startsWith(`'@sum`))).toMatch(
      /^'@sum,\d{4}-\d\d-\d\d \d\d:\d\d:00,\d{4}-\d\d-\d\d \d\d:\d\d:00,5,-5\.00,FALSE$/,
    );
    expect(await (await shop.get("/v1/queries/sales-by-sku?format=spreadsheet")).text()).toContain("\r\n'-5,4,-4.00\r\n");
  });
});

describe.each([
  { name: "few rows a slice", slice: { rows: 7 } },
  { name: "no time for a slice", slice: { ms: 0 } },
])("many rows, $name", ({ slice }) => {
  const skus = Array.from({ length: 300 }, (_, i) => `sku ${i}`);
  beforeEach(async () => {
    shop = await openTestShop({ partitions: 4, slice });
    const lines = skus.map((sku, i) => ({ sku, units: i, revenue: i * 100 }));
    await shop.shown(await shop.post([0, 1, 2].map((minute) => order(`o${minute}`, minute, lines))));
  });

  test("[Q18] answers of many slices equal those of one, in every format, and pages join to the whole", async () => {
    for (const query of ["sales-by-sku", "sales-per-minute", "top-per-minute"]) {
      const whole = (await (await shop.get(`/v1/queries/${query}?format=ndjson`)).text()).trimEnd().split("\n");
      expect(whole.length).toBe(query === "sales-by-sku" ? 300 : query === "sales-per-minute" ? 900 : 9);
      const { body } = await json(`/v1/queries/${query}?limit=10000`);
      expect(body.rows.map(({ final: _final, ...row }) => JSON.stringify(row))).toEqual(whole);
      const csv = (await (await shop.get(`/v1/queries/${query}.csv`)).text()).trimEnd().split("\r\n");
      expect(csv.length).toBe(whole.length + 1);
      const pages: string[] = [];
      let path: string | undefined = `/v1/queries/${query}?format=ndjson&limit=5`;
      while (path !== undefined) {
        const page: Response = await shop.get(path);
        pages.push(...(await page.text()).trimEnd().split("\n"));
        path = /<(.*)>/.exec(page.headers.get("link") ?? "")?.[1];
      }
      expect(pages).toEqual(whole);
    }
  });

  test("[Q19] a client that goes away is not read for any longer", async () => {
    let asked = 0;
    const counted: QueryAnswerer = { answer: (...question) => (asked++, shop.answerer.answer(...question)) };
    const app = createQueries({ catalogue: catalogueOf(shopQueries, shopPlan(4)), answerer: counted });
    const reader = (await app.request("/v1/queries/sales-per-minute?format=ndjson")).body!.getReader();
    await reader.read();
    await reader.cancel();
    const before = asked;
    await (await shop.get("/v1/queries/sales-per-minute?format=ndjson")).text();
    expect(asked).toBe(before);
    expect(asked).toBeLessThan(10);
  });

  test("[Q20] an answer that cannot be finished breaks off; a part is never taken for the whole", async () => {
    const errors: unknown[] = [];
    const app = createQueries({
      catalogue: catalogueOf(shopQueries, shopPlan(4)),
      answerer: {
        answer: (request, signal) =>
          request.position === undefined ? shop.answerer.answer(request, signal) : Promise.resolve({ kind: "unavailable", detail: "gone" }),
      },
      onError: (error) => errors.push(error),
    });
    await expect((await app.request("/v1/queries/sales-per-minute?format=ndjson")).text()).rejects.toThrow("gone");
    expect(errors).toMatchObject([{ code: "QUERY_BROKEN_OFF" }]);
    expect((await app.request("/v1/queries/sales-per-minute?limit=900")).status).toBe(503);
  });
});
