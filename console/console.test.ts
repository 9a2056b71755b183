import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePage } from "../bundle/bundle-page.ts";
import { createConsole, pagePolicy } from "./console.ts";
import { type PageFile, pageFiles, sourceFiles } from "./page-files.ts";

const folder = new URL("./assets/", import.meta.url);
const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const builtIn = mkdtempSync(join(tmpdir(), "millrace-built-page-"));
const sources = sourceFiles();
const textOf = ({ body }: PageFile): string => body.toString("utf8");
const pathsOf = (files: readonly PageFile[]): string[] => files.map(({ path }) => path);
const isPackage = ({ path }: PageFile): boolean => path.startsWith("/console/packages/");

beforeAll(async () => void (await writePage(root, builtIn)));
afterAll(() => rmSync(builtIn, { recursive: true, force: true }));

describe.each([
  ["as its sources", () => sources],
  ["as it was built", () => pageFiles(builtIn)],
])("the page's files %s", (_, filesOf) => {
  test("[LP1] the page is at / and each of its files under /console/, with its type, its policy and an etag that answers 304", async () => {
    const files = filesOf();
    const app = createConsole(files);
    for (const file of files) {
      const { path } = file;
      const response = await app.request(path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, textOf(file)]);
      expect(response.headers.get("content-type")).toMatch(/^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/);
      expect(response.headers.get("content-security-policy")).toBe(pagePolicy);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const again = await app.request(path, { headers: { "if-none-match": response.headers.get("etag")! } });
      expect([again.status, await again.text()]).toEqual([304, ""]);
    }
    for (const path of [
      "/console/",
      "/console/index.html",
      "/console/inputs.json",
      "/console/../console.ts",
      "/console/%2e%2e/console.ts",
      "/console/nothing.js",
    ]) {
      expect((await app.request(path)).status).toBe(404);
    }
  });

  test("[LP2] nothing in it makes markup or code of texts, and the page names nobody else", () => {
    const files = filesOf();
    expect(pagePolicy).not.toMatch(/unsafe|https?:|data:|\*/);
    expect(pagePolicy).toContain("default-src 'none'");
    const page = textOf(files.find(({ path }) => path === "/")!);
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
    for (const file of files) {
      if (file.path.endsWith(".js"))
        expect([file.path, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.test(textOf(file))]).toEqual([
          file.path,
          false,
        ]);
      if (!isPackage(file))
        expect([file.path, textOf(file).match(/(?:https?:)?\/\/(?!www\.w3\.org\/2000\/svg)[a-z0-9.-]+\.[a-z]{2,}/gi)]).toEqual([
          file.path,
          null,
        ]);
    }
  });

  test("[LP3] whatever the page and its scripts load is there", async () => {
    const files = filesOf();
    const app = createConsole(files);
    const page = textOf(files.find(({ path }) => path === "/")!);
    const loaded = [...page.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, path]) => path!);
    expect(loaded.length).toBeGreaterThan(2);
    for (const file of files.filter((one) => one.path.endsWith(".js") && !isPackage(one)))
      for (const [, path] of textOf(file).matchAll(/(?:from|import)\s*"((?:\.{0,2}\/)[^"]+)"/g))
        loaded.push(new URL(path!, `http://page${file.path}`).pathname);
    for (const path of loaded) expect([path, (await app.request(path)).status]).toEqual([path, 200]);
  });
});

test("[LP3] what was built is few files, whose names change with what they say, but for the page itself", () => {
  const files = pageFiles(builtIn);
  expect(files.length).toBeLessThan(sources.length);
  const kept = files.filter(({ lasting }) => !lasting).map(({ path }) => path);
  expect(kept.toSorted()).toEqual(["/", "/console/icon.svg"]);
  for (const served of [files, sources]) expect(served.some((file) => textOf(file).startsWith("/*!\nuplot\n\nThe MIT License"))).toBe(true);
});

test("[LP3] the server takes what was built only as long as it is whole and of these sources", () => {
  const place = mkdtempSync(join(tmpdir(), "millrace-half-page-"));
  expect(pathsOf(pageFiles(place))).toEqual(pathsOf(sources));
  writeFileSync(join(place, "index.html"), "<title>of another day</title>");
  expect(pathsOf(pageFiles(place))).toEqual(pathsOf(sources));
  const inputs = JSON.parse(readFileSync(join(builtIn, "inputs.json"), "utf8")) as [string, number, number][];
  writeFileSync(
    join(place, "inputs.json"),
    JSON.stringify(inputs.map(([path, size, changed], i) => [path, size, i === 0 ? changed + 1 : changed])),
  );
  expect(pathsOf(pageFiles(place))).toEqual(pathsOf(sources));
  rmSync(place, { recursive: true });
});

/** The page's scripts are plain JavaScript, as browsers take them: loaded as they are, by the names that they export. */
async function script<T>(name: string): Promise<T> {
  return (await import(new URL(name, folder).href)) as T;
}

type Format = {
  readonly grouped: (text: unknown) => string;
  readonly twoPlaces: (text: string) => string;
  readonly clock: (time: string, options?: { seconds: boolean }) => string;
  readonly moment: (time: string, now: Date) => string;
  readonly age: (ms: number) => string;
};

test("[LP4] numbers keep all their digits", async () => {
  const { grouped, twoPlaces } = await script<Format>("format.js");
  expect(["0", "999", "1000", "-1234567.5", "12345678901234567890.0001"].map(grouped)).toEqual([
    "0",
    "999",
    "1,000",
    "-1,234,567.5",
    "12,345,678,901,234,567,890.0001",
  ]);
  expect(grouped("many")).toBe("many");
  expect(["3.7500", "3", "3.999", "-0.5"].map(twoPlaces)).toEqual(["3.75", "3.00", "3.99", "-0.50"]);
});

test("[LP5] times are told in UTC, with their day unless it is today; ages in the largest unit", async () => {
  const { clock, moment, age } = await script<Format>("format.js");
  const now = new Date("2026-11-21T10:00:00Z");
  expect(clock("2011-04-01T08:05:09.000Z")).toBe("08:05");
  expect(moment("2026-11-21T08:05:09.000Z", now)).toBe("08:05:09");
  expect(moment("2011-04-01T08:05:09.000Z", now)).toBe("2011-04-01 08:05:09");
  expect([0, 999, 1000, 61_000, 7_200_000, 86_400_000, 200_000_000, 493_000_000_000].map(age)).toEqual([
    "now",
    "now",
    "1 s",
    "1 min",
    "2 h",
    "1 day",
    "2 days",
    "15 years",
  ]);
});

type Minutes = {
  readonly minutesUpTo: (
    streamTime: string,
    rows: readonly object[],
    count?: number,
  ) => readonly { readonly start: string; readonly row: object | undefined }[];
  readonly heightsOf: (values: readonly number[]) => readonly (number | null)[];
  readonly axisEnd: (most: number) => number;
  readonly sumOf: (texts: readonly string[]) => string;
};

test("[LP6] a chart has a place for each minute up to the newest event's, also for those in which nothing came", async () => {
  const { minutesUpTo } = await script<Minutes>("minutes.js");
  const row = { window_start: "2011-04-01T23:59:00.000Z" };
  expect(minutesUpTo("2011-04-02T00:01:30.000Z", [row, { window_start: "2011-04-01T00:00:00.000Z" }], 4)).toEqual([
    { start: "2011-04-01T23:58:00.000Z", row: undefined },
    { start: "2011-04-01T23:59:00.000Z", row },
    { start: "2011-04-02T00:00:00.000Z", row: undefined },
    { start: "2011-04-02T00:01:00.000Z", row: undefined },
  ]);
});

test("[LP7] nothing above 0 is invisible beside the highest, and no number breaks a chart", async () => {
  const { heightsOf, axisEnd } = await script<Minutes>("minutes.js");
  expect(heightsOf([0, 1, 1000, 500, Number.NaN, -5])).toEqual([null, 15, 1000, 500, null, null]);
  expect(heightsOf([0, 0])).toEqual([null, null]);
  expect([0, 1, 1.1, 3, 41, 100, 5001, 81_000].map(axisEnd)).toEqual([1, 1, 1.2, 3, 50, 100, 6000, 100_000]);
});

test("[LP4] sums keep all their digits", async () => {
  const { sumOf } = await script<Minutes>("minutes.js");
  expect(sumOf([])).toBe("0");
  expect(sumOf(["1", "2"])).toBe("3");
  expect(sumOf(["0.10", "0.20", "0"])).toBe("0.30");
  expect(sumOf(["-0.05", "0.01"])).toBe("-0.04");
  expect(sumOf(["90071992547409919007.01", "0.001"])).toBe("90071992547409919007.011");
});

type Poll = { readonly waitAfter: (failures: number, pace: object) => number; readonly parseExact: (text: string) => unknown };

test("[LP8] a server that does not answer is asked less and less often, and never before it says", async () => {
  const { waitAfter } = await script<Poll>("poll.js");
  expect([0, 1, 2, 3, 4, 10].map((failures) => waitAfter(failures, { everyMs: 1000 }))).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(waitAfter(1, { everyMs: 1000, retryAfterS: 7 })).toBe(7000);
  expect([10, 200, 5000].map((tookMs) => waitAfter(0, { everyMs: 1000, tookMs }))).toEqual([1000, 1800, 15_000]);
});

test("[LP4] a whole number of more digits than floating point holds is read as its text", async () => {
  const { parseExact } = await script<Poll>("poll.js");
  expect(parseExact('{"a":9007199254740993,"b":12,"c":"9007199254740993","d":1.5e300}')).toEqual({
    a: "9007199254740993",
    b: 12,
    c: "9007199254740993",
    d: 1.5e300,
  });
});

test("[LP9] the line to copy posts an order whose total is the sum of its lines, and names the key where one is asked for", async () => {
  const { curlLine } = await script<{ curlLine: (origin: string, options: object) => string }>("sample-order.js");
  const line = curlLine("http://localhost:8080", { keyed: false, orderId: "o1" });
  const { data } = JSON.parse(/-d '(.*)'$/.exec(line)![1]!) as {
    data: { items: { quantity: number; unitPrice: { amount: string } }[]; total: { amount: string } };
  };
  expect(data.items.reduce((sum, { quantity, unitPrice }) => sum + quantity * Number(unitPrice.amount) * 100, 0)).toBe(
    Number(data.total.amount) * 100,
  );
  expect(line).not.toContain("Authorization");
  expect(curlLine("http://localhost:8080", { keyed: true, orderId: "o1" })).toContain('-H "Authorization: Bearer $MILLRACE_KEY"');
});

type State = {
  readonly readHash: (hash: string) => Readonly<Record<string, unknown>>;
  readonly hashOf: (state: object) => string;
  readonly pageAddress: (state: object, columns: readonly object[]) => string;
  readonly downloadAddress: (state: object, columns: readonly object[], format: string) => string;
  readonly filterText: (text: string, type: string) => string;
  readonly nextOrder: (order: string, column: string) => string;
};

test("[LP11] the hash of the address says all that the table shows, whatever the texts are", async () => {
  const { readHash, hashOf, pageAddress, downloadAddress } = await script<State>("query-state.js");
  const state = {
    query: "orders-by-day",
    where: [
      ["country", "a&b=c#d é"],
      ["query", "x"],
    ],
    order: "-revenue",
    from: "-30m",
    to: "",
    rows: 100,
    cursor: "",
  };
  expect(readHash(hashOf(state))).toEqual(state);
  expect(readHash("#rows=7&order=a&cursor=b")).toEqual({ query: "", where: [], order: "a", from: "", to: "", rows: 25, cursor: "" });
  const columns = [{ name: "country", type: "string" }];
  const address = new URL(pageAddress(state, columns), "http://page");
  expect([...address.searchParams]).toEqual([
    ["country", "a&b=c#d é"],
    ["query", "x"],
    ["from", "-30m"],
    ["limit", "100"],
    ["order", "-revenue"],
  ]);
  expect(downloadAddress({ ...state, where: [] }, columns, "csv")).toBe("/v1/queries/orders-by-day?from=-30m&format=csv");
});

test("[LP11] a filter may be written as cells show it", async () => {
  const { filterText, nextOrder } = await script<State>("query-state.js");
  expect(filterText(" 1,234.50", "decimal")).toBe("1234.50");
  expect(["2011-04-01", "2011-04-01 08:05", "2011-04-01T08:05:09Z", "soon"].map((text) => filterText(text, "timestamp"))).toEqual([
    "2011-04-01T00:00:00Z",
    "2011-04-01T08:05:00Z",
    "2011-04-01T08:05:09Z",
    "soon",
  ]);
  expect(filterText(" as it is, ", "string")).toBe(" as it is, ");
  expect(["", "-a", "a", "b"].map((order) => nextOrder(order, "a"))).toEqual(["-a", "a", "", "-a"]);
});

test("[LP4] cells of any query keep all that they say", async () => {
  const { cellText } = await script<{ cellText: (value: unknown, column: object) => string }>("format.js");
  expect(cellText("1234.5", { type: "decimal", unit: "currency" })).toBe("1,234.50");
  expect(cellText("1234.5678", { type: "decimal", unit: "currency" })).toBe("1,234.5678");
  expect(cellText("90071992547409919007", { type: "int" })).toBe("90,071,992,547,409,919,007");
  expect(cellText("2011-04-01T00:00:00.000Z", { type: "timestamp" })).toBe("2011-04-01");
  expect(cellText("2011-04-01T08:05:00.250Z", { type: "timestamp" })).toBe("2011-04-01 08:05:00.250");
  expect(cellText(null, { type: "string" })).toBe("");
  expect(cellText({ a: 1 }, { type: "json" })).toBe('{"a":1}');
});

test("[LP12] news that come faster than they can be read are told together", async () => {
  const { createNews } = await script<{ createNews: (place: object, clock: object) => (more: number, text: string) => void }>(
    "announce.js",
  );
  const place = { textContent: "" };
  let now = 0;
  const later: (() => void)[] = [];
  const news = createNews(place, { nowMs: () => now, later: (tell: () => void) => later.push(tell) });
  news(1, "a");
  expect(place.textContent).toBe("New fraud alert: a");
  now = 100;
  news(1, "b");
  news(2, "c");
  expect([place.textContent, later.length]).toEqual(["New fraud alert: a", 1]);
  now = 5000;
  later[0]!();
  expect(place.textContent).toBe("3 new fraud alerts, the newest: c");
});
