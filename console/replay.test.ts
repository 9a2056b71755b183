import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { browserPath } from "./testing/browser.ts";
import { ShopPage } from "./testing/shop-page.ts";

const withinMs = { timeout: 60_000, interval: 100 };
/** What each panel says: as soon as it says something else, it moves. */
const panels = {
  orders: "#orders .total",
  revenue: "#revenue .total",
  products: "#products tbody",
  stock: "#stock tbody",
  fraud: "#fraud tbody",
  tail: "#tail tbody",
  table: "#queries tbody",
};
type Words = Readonly<Record<keyof typeof panels, string>>;

/** Where figures stand that are the same as long as nothing comes. */
const figureSelector = ".value, .total, #products tbody, #stock tbody, #fraud tbody, #queries tbody";
/** Keeps every text that they have, from now on; but for whether a window can still change, which a restart may settle. */
const keepTexts = `window.texts = new Set();
window.keep = () => document.querySelectorAll(${JSON.stringify(figureSelector)}).forEach((one) => window.texts.add(one.innerText.replaceAll(/can still change|final/g, "")));
new MutationObserver(window.keep).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
window.keep();`;
const keptTexts = "[...window.texts]";

type Minute = { readonly window_start: string; readonly revenue: string; readonly orders: number };
type Product = { readonly sku: string; readonly units: number; readonly window_start: string };
type Level = { readonly sku: string; readonly level: number };
type Day = { readonly country: string; readonly orders: number; readonly revenue: string; readonly final: boolean };
type Figures = Readonly<Record<string, string | readonly string[]>>;
type Inputs = { readonly inputs: readonly { readonly records: number }[] };
type Rows<T> = { readonly rows: readonly T[]; readonly asOf: { readonly streamTime: string } };

describe.skipIf(browserPath === undefined)(
  "the page while real orders come (needs Chromium or Chrome on the path)",
  { timeout: 180_000 },
  () => {
    const looking = new ShopPage({ path: "/#query=orders-by-day&order=-revenue" });
    const { shop } = looking;

    const words = async (): Promise<Words> => {
      const entries = await Promise.all(
        Object.entries(panels).map(async ([name, selector]) => [name, await looking.page.locator(selector).innerText()] as const),
      );
      return Object.fromEntries(entries) as Words;
    };
    const allMoveFrom = async (before: Words): Promise<void> => {
      const still = new Set(Object.keys(panels) as (keyof Words)[]);
      await expect
        .poll(async () => {
          const now = await words();
          for (const name of still) if (now[name] !== before[name]) still.delete(name);
          return [...still];
        }, withinMs)
        .toEqual([]);
    };

    test("[LP10] each panel moves while real orders are replayed, and goes on moving", async () => {
      const stop = shop.replay(["--opening-stock", "50", "--speed", "36000"]);
      await allMoveFrom(await words());
      await allMoveFrom({ ...(await words()), fraud: "" });
      await stop();
      expect(looking.seen.faults).toEqual([]);
    });

    /** What the panels have to say, by the queries. */
    const expected = async (): Promise<Figures> => {
      const minutes = await shop.ask<Rows<Minute>>("/v1/queries/orders-per-minute?from=-29m&limit=1000");
      const cents = minutes.rows.reduce((sum, { revenue }) => sum + BigInt(revenue.replace(".", "")), 0n);
      const products = (await shop.ask<Rows<Product>>("/v1/queries/top-products-by-day?from=-2d&limit=1000")).rows;
      const newest = products
        .map(({ window_start: start }) => start)
        .toSorted()
        .at(-1);
      const alerts = await shop.ask<Rows<{ subject: string }>>("/v1/queries/fraud-alerts?order=-at&limit=5");
      const levels = await shop.ask<Rows<Level>>("/v1/queries/stock-levels?order=level&limit=8");
      const days = await shop.ask<Rows<Day>>("/v1/queries/orders-by-day?order=-revenue&limit=25");
      return {
        orders: `${minutes.rows.reduce((sum, row) => sum + row.orders, 0).toLocaleString("en")} in these 30 minutes`,
        revenue: `${grouped(cents)} in these 30 minutes`,
        products: products
          .filter(({ window_start: start }) => start === newest)
          .slice(0, 8)
          .map(({ sku, units }) => `${sku} ${units.toLocaleString("en")}`),
        stock: levels.rows.map(({ sku, level }) => `${sku} ${level.toLocaleString("en")}`),
        fraud: alerts.rows.map(({ subject }) => subject),
        table: days.rows.map(({ country, orders, revenue }) => `${country} ${orders.toLocaleString("en")} ${amount(revenue)}`),
        states: days.rows.map(({ final }) => (final ? "final" : "can still change")),
      };
    };
    /** Of each row of a panel's table, what these columns say. */
    const columns = async (section: string, ...ns: readonly number[]): Promise<string[]> =>
      (await looking.page.locator(`#${section} tbody tr`).allInnerTexts()).map((text) => {
        const cells = text.split("\t");
        return ns.map((n) => cells[n - 1]!.trim()).join(" ");
      });
    const shown = async (): Promise<Figures> => ({
      orders: await looking.page.locator("#orders .total").innerText(),
      revenue: await looking.page.locator("#revenue .total").innerText(),
      products: await columns("products", 2, 3),
      stock: await columns("stock", 1, 2),
      fraud: await columns("fraud", 3),
      table: await columns("queries", 1, 4, 6),
      states: await columns("queries", 7),
    });
    const differing = async (): Promise<unknown[]> => {
      const [said, right] = [await shown(), await expected()];
      return Object.keys(right)
        .filter((name) => !isDeepStrictEqual(said[name], right[name]))
        .map((name) => ({ name, said: said[name], right: right[name] }));
    };
    /** Until the engine has read what was posted. */
    const settled = async (): Promise<void> => {
      let last = "";
      await expect
        .poll(
          async () => {
            const { inputs } = await shop.ask<Inputs>("/v1/topology/state");
            const now = inputs.every(({ records }) => records === 0) ? JSON.stringify(await expected()) : "";
            const same = now !== "" && now === last;
            last = now;
            return same;
          },
          { ...withinMs, interval: 500 },
        )
        .toBe(true);
    };

    test("[LP10] when no more comes, the figures are those of the queries, to the last digit", async () => {
      await settled();
      await expect.poll(differing, withinMs).toEqual([]);
    });

    test("[LP10] a restart of the server changes no figure, and none was wrong meanwhile", async () => {
      await looking.page.evaluate(keepTexts);
      const before = await looking.page.evaluate(keptTexts);
      await shop.kill();
      await expect.poll(() => looking.page.locator("#state").innerText(), withinMs).toMatch(/does not answer/);
      const answers = ["orders-per-minute", "top-products-by-day", "orders-by-day"].map((name) =>
        looking.page.waitForResponse(
          (response) => (response.ok() || response.status() === 304) && new URL(response.url()).pathname === `/v1/queries/${name}`,
          { timeout: 60_000 },
        ),
      );
      await shop.start();
      for (const answer of await Promise.all(answers)) await answer.finished();
      for (const section of ["stock", "fraud"])
        await expect.poll(() => looking.text(`#${section} .note`), withinMs).toMatch(/, (shown as they come|as they change)\./);
      await expect.poll(() => looking.page.locator("#state").innerText(), withinMs).toBe("live");
      expect(await looking.page.evaluate(keptTexts)).toEqual(before);
    });

    test("[LP10] after it the panels move again, and say what the queries say", async () => {
      const taken = async (): Promise<number> =>
        Number(/^([\d,]+) taken/.exec(await looking.page.locator("#tail .note").innerText())![1]!.replaceAll(",", ""));
      const before = await taken();
      const line = /-d '(.*)'$/.exec((await looking.page.locator("#curl").textContent())!)![1]!;
      expect(await shop.post(line)).toBe(200);
      await expect.poll(taken, withinMs).toBe(before + 1);
      await expect.poll(() => looking.page.locator("#orders .total").innerText(), withinMs).toBe("1 in these 30 minutes");
      await expect.poll(differing, withinMs).toEqual([]);
    });
  },
);

/** An amount as people write it. */
const grouped = (cents: bigint): string => `${(cents / 100n).toLocaleString("en")}.${String(cents % 100n).padStart(2, "0")}`;
const amount = (decimal: string): string => grouped(BigInt(decimal.replace(".", "")));
