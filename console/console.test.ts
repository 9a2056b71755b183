import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { createConsole, pagePolicy } from "./console.ts";

const app = createConsole();
const folder = new URL("./assets/", import.meta.url);
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name))
  .map((path) => ({ name: relative(folder.pathname, path), text: readFileSync(path, "utf8") }));
const html = files.find(({ name }) => name === "index.html")!.text;

describe("the page's files", () => {
  test("[LP1] the page is at / and each of its files under /console/, with its type, its policy and an etag that answers 304", async () => {
    for (const { name, text } of files) {
      const path = name === "index.html" ? "/" : `/console/${name}`;
      const response = await app.request(path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, text]);
      expect(response.headers.get("content-type")).toMatch(/^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/);
      expect(response.headers.get("content-security-policy")).toBe(pagePolicy);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const again = await app.request(path, { headers: { "if-none-match": response.headers.get("etag")! } });
      expect([again.status, await again.text()]).toEqual([304, ""]);
    }
    for (const path of [
      "/console/",
      "/console/index.html",
      "/console/../console.ts",
      "/console/%2e%2e/console.ts",
      "/console/nothing.js",
    ]) {
      expect((await app.request(path)).status).toBe(404);
    }
  });

  test("[LP2] the policy lets nothing in but the server's own files, and the page needs nothing else", () => {
    expect(pagePolicy).not.toMatch(/unsafe|https?:|data:|\*/);
    expect(pagePolicy).toContain("default-src 'none'");
    for (const { name, text } of files) {
      expect([name, text.match(/(?:https?:)?\/\/(?!www\.w3\.org\/2000\/svg)[a-z0-9.-]+\.[a-z]{2,}/gi)]).toEqual([name, null]);
    }
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
    for (const { name, text } of files.filter((file) => file.name.endsWith(".js"))) {
      expect([name, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.test(text)]).toEqual([name, false]);
    }
  });

  test("[LP3] whatever the page and its scripts load is there", async () => {
    const loaded = [...html.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, path]) => path!);
    expect(loaded.length).toBeGreaterThan(2);
    for (const { name, text } of files)
      for (const [, path] of text.matchAll(/from "(\.\.?\/[^"]+)"/g)) loaded.push(new URL(path!, `http://page/console/${name}`).pathname);
    for (const path of loaded) expect([path, (await app.request(path)).status]).toEqual([path, 200]);
  });
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
  readonly barsOf: (values: readonly number[], box: object) => readonly { x: number; y: number; width: number; height: number }[];
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

test("[LP7] bars stand on the ground, the highest fills the box, nothing above 0 is invisible, and no number breaks them", async () => {
  const { barsOf } = await script<Minutes>("minutes.js");
  const bars = barsOf([0, 1, 1000, 500, Number.NaN, -5], { width: 60, height: 100, gap: 2 });
  expect(bars.map(({ height }) => height)).toEqual([0, 1.5, 100, 50, 0, 0]);
  expect(bars.every(({ y, height }) => y + height === 100)).toBe(true);
  expect(bars.map(({ x }) => x)).toEqual([1, 11, 21, 31, 41, 51]);
  expect(barsOf([0, 0], { width: 60, height: 100, gap: 2 }).map(({ height }) => height)).toEqual([0, 0]);
});

test("[LP8] a server that does not answer is asked less and less often, and never before it says", async () => {
  const { waitAfter } = await script<{ waitAfter: (failures: number, pace: object) => number }>("poll.js");
  expect([0, 1, 2, 3, 4, 10].map((failures) => waitAfter(failures, { everyMs: 1000 }))).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  expect(waitAfter(1, { everyMs: 1000, retryAfterS: 7 })).toBe(7000);
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
