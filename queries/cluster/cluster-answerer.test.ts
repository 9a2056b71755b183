import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatToken, partitionOf, type Position } from "@millrace/engine";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { shopPlan, shopQueries } from "../testing/shop-plan.ts";
import { openTestShop, type PostedOrder, type TestShop } from "../testing/test-shop.ts";
import { ClusterAnswerer } from "./cluster-answerer.ts";
import { mergeAsOf, mergeShares } from "./merge-shares.ts";
import type { ShareAnswer, ShareOwner } from "./share.ts";

const day = Date.UTC(2011, 3, 1);

function orders(count: number, random: ReturnType<typeof seededRandom>): readonly PostedOrder[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `o${i}`,
    customer: `c${random.between(0, 40)}`,
    timestamp: day + i * 7000,
    lines: Array.from({ length: random.between(1, 4) }, () => ({
      sku: `s${random.between(0, 60)}`,
      units: random.between(1, 5),
      revenue: random.between(0, 4) * 10_000,
    })),
  }));
}

describe("[Q28] answers of several owners", () => {
  let one: TestShop;
  let three: TestShop;
  let seed: number;
  let random: ReturnType<typeof seededRandom>;
  let posted: readonly Position[];

  beforeEach(async () => {
    seed = testSeed();
    random = seededRandom(seed);
    one = await openTestShop({ partitions: 5 });
    three = await openTestShop({ partitions: 5, workers: 3, slice: { rows: random.between(1, 30), characters: 400 } });
    const all = orders(300, random);
    await one.shown(await one.post(all));
    await three.shown((posted = await three.post(all)));
    // What is final hangs on the marks, which come behind the records.
    await Promise.all([one.settled(), three.settled()]);
  });
  afterEach(() => Promise.all([one.close(), three.close()]));

  test("are those of one worker that has all tasks, to the byte", async () => {
    const pick = <T>(of: readonly T[]): T => of[random.between(0, of.length - 1)]!;
    const oneIn = (count: number): boolean => random.between(1, count) === 1;
    const paths = Array.from({ length: 120 }, () => {
      const query = pick(shopQueries).name;
      const isSales = query.startsWith("sales");
      const parameters = [
        `format=${pick(["csv", "ndjson"])}`,
        ...(oneIn(2) ? [`limit=${random.between(1, 200)}`] : []),
        ...(oneIn(3) && isSales ? [`sku=s${random.between(0, 60)}`, `sku=s${random.between(0, 60)}`] : []),
        ...(oneIn(3) && query !== "orders-per-minute" ? [`units=${random.between(1, 9)}`] : []),
        ...(oneIn(3) && isSales ? [`order=${pick(["-", ""])}${pick(["units", "revenue", "sku"])}`] : []),
        ...(oneIn(3) && query !== "sales-by-sku" ? [`from=-${random.between(1, 30)}m`] : []),
      ];
      return `/v1/queries/${query}?${parameters.join("&")}`;
    });
    for (const path of paths) {
      const [alone, shared] = [await one.get(path), await three.get(path)];
      expect([seed, path, await shared.text()]).toEqual([seed, path, await alone.text()]);
      expect([seed, path, shared.status, isWhole(shared)]).toEqual([seed, path, 200, isWhole(alone)]);
    }
  });

  test("page by page, by cursors that one worker and several give alike", async () => {
    for (const { name } of shopQueries) {
      let cursor = "";
      let pages = 0;
      do {
        const path = `/v1/queries/${name}?limit=13${cursor === "" ? "" : `&cursor=${cursor}`}`;
        const [alone, shared] = [await page(one, path), await page(three, path)];
        expect([seed, path, shared.rows]).toEqual([seed, path, alone.rows]);
        expect([seed, path, shared.next]).toEqual([seed, path, alone.next]);
        cursor = shared.next ?? "";
        pages += 1;
      } while (cursor !== "" && pages < 100);
      expect(pages).toBeGreaterThan(1);
    }
  });

  test("say what each partition's owner has read, and a token is refused or waited for like anywhere", async () => {
    const { asOf } = await page(three, "/v1/queries/sales-by-sku?limit=1");
    expect(Object.keys(asOf.offsets["shop-lines-repartition"]!)).toEqual(["0", "1", "2", "3", "4"]);
    expect((await three.get(`/v1/queries/sales-by-sku?after=${formatToken(posted.at(-1)!)}`)).status).toBe(200);
    expect((await three.get("/v1/queries/sales-by-sku?after=orders:9:1")).status).toBe(400);
    const late = await three.get("/v1/queries/sales-by-sku?after=orders:1:999999", { Prefer: "wait=0" });
    expect([late.status, (await late.json()) as object]).toEqual([
      504,
      expect.objectContaining({ type: "/problems/queries/after-not-reached" }),
    ]);
  });
});

const isWhole = ({ headers }: Response): boolean => headers.get("x-next-cursor") === null;

type Page = {
  readonly rows: object[];
  readonly next: string | null;
  readonly asOf: { readonly offsets: Readonly<Record<string, object>> };
};
const page = async (shop: TestShop, path: string): Promise<Page> => (await (await shop.get(path)).json()) as Page;

describe("[Q29] what is asked of whom", () => {
  const asking = (answerOf: (partitions: readonly number[]) => ShareAnswer): { owner: ShareOwner; asked: (readonly number[])[] } => {
    const asked: (readonly number[])[] = [];
    const ask: ShareOwner["ask"] = async (request) => {
      if (request.kind === "passed") return { kind: "passed", passed: true };
      if (request.kind === "stream") throw new Error("nobody asks for a stream here");
      asked.push(request.partitions);
      return answerOf(request.partitions);
    };
    return { owner: { name: "w", ask }, asked };
  };
  const nothing: ShareAnswer = { kind: "rows", asOf: { streamTime: -1, offsets: {} }, rows: [], next: undefined };
  const request = {
    query: "sales-by-sku",
    format: "csv",
    filters: [],
    from: undefined,
    to: undefined,
    limit: 10,
    position: undefined,
    order: undefined,
    after: [],
    waitMs: 0,
  } as const;
  const { signal } = new AbortController();
  const answererOf = (ownerOf: (partition: number) => ShareOwner | undefined): ClusterAnswerer =>
    new ClusterAnswerer({ plan: shopPlan(8), queries: shopQueries, ownerOf: (_, partition) => ownerOf(partition), ends: async () => [] });

  test("one key is asked of the one task that has it, whoever else is away", async () => {
    const { owner, asked } = asking(() => nothing);
    const answerer = answererOf((partition) => (partition === home ? owner : undefined));
    const home = partitionOf("s1", 8);
    const keyed = { ...request, filters: [["sku", ["s1"]]] as const };
    const found = await answerer.answer(keyed, signal);
    expect([found.kind, asked]).toEqual(["rows", [[home]]]);
  });

  test("all keys are asked of all owners; one that nobody has, or that is not there, makes the answer unavailable, with its code", async () => {
    const { owner, asked } = asking(() => nothing);
    expect(await answererOf((partition) => (partition === 3 ? undefined : owner)).answer(request, signal)).toEqual({
      kind: "unavailable",
      code: "QUERY_NO_OWNER",
      detail: 'partition 3 of "sales-by-sku" is not processed at the moment',
    });
    expect(asked).toEqual([]);
    const away: ShareAnswer = { kind: "unavailable", code: "QUERY_OWNER_RESTORING", detail: "w2 is restoring" };
    const other = asking(() => away);
    expect(await answererOf((partition) => (partition < 4 ? owner : other.owner)).answer(request, signal)).toEqual(away);
    expect([asked, other.asked]).toEqual([[[0, 1, 2, 3]], [[4, 5, 6, 7]]]);
  });
});

test("[Q30] of several owners' stream times the one most behind counts, of those that have read anything", () => {
  const part = (streamTime: number, partition: string): Parameters<typeof mergeAsOf>[0][number] => ({
    streamTime,
    offsets: { t: { [partition]: "5" } },
  });
  expect(mergeAsOf([part(-1, "0"), part(9, "1"), part(7, "2")])).toEqual({ streamTime: 7, offsets: { t: { 0: "5", 1: "5", 2: "5" } } });
  expect(mergeAsOf([part(-1, "0")]).streamTime).toBe(-1);
});

test("[Q28] a share that has more bounds what is known to be in order", () => {
  const row = (key: string): { at: { windowStart: number; key: string; rows: number }; text: string; cell: null } => ({
    at: { windowStart: -1, key, rows: 1 },
    text: key,
    cell: null,
  });
  const shares = [
    { rows: [row("a"), row("d")], next: { windowStart: -1, key: "d", rows: 1 } },
    { rows: [row("b"), row("c"), row("e"), row("f")], next: undefined },
  ];
  const all = mergeShares(shares, 100);
  expect([all.rows.map(({ text }) => text), all.next?.key]).toEqual([["a", "b", "c", "d"], "d"]);
  const some = mergeShares(shares, 2);
  expect([some.rows.map(({ text }) => text), some.next?.key]).toEqual([["a", "b"], "b"]);
});
