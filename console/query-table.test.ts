import { describe, expect, test, vi } from "vitest";
import { browserPath } from "./testing/browser.ts";
import { ShopPage } from "./testing/shop-page.ts";

const withinMs = { timeout: 20_000, interval: 50 };

describe.skipIf(browserPath === undefined)("the table of any query (needs Chromium or Chrome on the path)", () => {
  const looking = new ShopPage({
    before: async (shop) => {
      const receipts = Array.from({ length: 60 }, (_, i) => ({
        eventType: "inventory.received",
        data: { sku: `sku-${String(i).padStart(2, "0")}`, quantity: 10 + ((i * 7) % 60) * 100 },
      }));
      expect(await shop.post(JSON.stringify(receipts))).toBe(200);
      await vi.waitUntil(async () => (await shop.ask<{ rows: unknown[] }>("/v1/queries/stock-levels")).rows.length === 60, withinMs);
    },
  });
  const { shop } = looking;

  const firstColumn = (): Promise<string[]> => looking.page.locator("#queries tbody td:first-child").allInnerTexts();
  const found = (): Promise<string> => looking.page.locator("#found").innerText();
  const hash = (): string => new URL(looking.page.url()).hash;

  test("[LP11] a query is chosen from the catalogue, its rows come page by page, and back", async () => {
    await looking.page.getByLabel("Query").selectOption("stock-levels");
    await expect.poll(found, withinMs).toBe("25 rows, page 1.");
    expect((await firstColumn())[0]).toBe("sku-00");
    await looking.page.getByRole("button", { name: "Next" }).click();
    await expect.poll(found, withinMs).toBe("25 rows, page 2.");
    expect((await firstColumn())[0]).toBe("sku-25");
    await looking.page.getByRole("button", { name: "Next" }).click();
    await expect.poll(found, withinMs).toBe("10 rows, page 3.");
    expect(await looking.page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
    await looking.page.getByRole("button", { name: "Previous" }).click();
    await expect.poll(firstColumn, withinMs).toContain("sku-25");
    await looking.page.reload();
    await expect.poll(found, withinMs).toBe("25 rows, page 2.");
    await looking.page.getByRole("button", { name: "First page" }).click();
    await expect.poll(found, withinMs).toBe("25 rows, page 1.");
  });

  test("[LP11] the head of a column orders by it, the highest first, then the lowest, then not", async () => {
    const level = looking.page.getByRole("button", { name: "level", exact: true });
    const levels = async (): Promise<number[]> =>
      (await looking.page.locator("#queries tbody td:nth-child(2)").allInnerTexts()).map((text) => Number(text.replaceAll(",", "")));
    await level.click();
    await expect.poll(found, withinMs).toContain("by level, the highest first; there may be more");
    await expect.poll(async () => (await levels())[0], withinMs).toBe(5910);
    expect(await levels()).toEqual((await levels()).toSorted((a, b) => b - a));
    expect(await looking.page.locator("th[data-column=level]").getAttribute("aria-sort")).toBe("descending");
    await level.click();
    await expect.poll(async () => (await levels())[0], withinMs).toBe(10);
    expect(hash()).toContain("order=level");
    await level.click();
    await expect.poll(found, withinMs).toBe("25 rows, page 1.");
    expect(await looking.page.locator("th[data-column=level]").getAttribute("aria-sort")).toBe(null);
  });

  test("[LP11] a filter is a value of a column; it survives a reload, and the downloads have it", async () => {
    const filter = looking.page.getByLabel("level is");
    await filter.fill("5,910");
    await filter.press("Enter");
    await expect.poll(found, withinMs).toBe("1 row.");
    expect(hash()).toBe("#query=stock-levels&where.level=5%2C910");
    await looking.page.reload();
    await expect.poll(found, withinMs).toBe("1 row.");
    expect(await looking.page.getByLabel("level is").inputValue()).toBe("5,910");
    const sku = (await firstColumn())[0]!;
    const links = Object.fromEntries(
      await Promise.all(
        ["CSV", "NDJSON", "JSON"].map(async (name) => {
          const href = await looking.page.getByRole("link", { name, exact: true }).getAttribute("href");
          return [name, await (await fetch(`${shop.url}${href!}`)).text()] as const;
        }),
      ),
    );
    expect(
      await (await fetch(`${shop.url}${(await looking.page.getByRole("link", { name: "Spreadsheet" }).getAttribute("href"))!}`)).text(),
    ).toBe(`sku,level\r\n${sku},5910\r\n`);
    await looking.page.getByText("The same from a terminal").click();
    expect(await looking.page.locator("#query-curl").innerText()).toBe(
      `curl -sS "${shop.url}/v1/queries/stock-levels?level=5910&format=csv"\ncurl -sN "${shop.url}/v1/queries/stock-levels/stream?level=5910"`,
    );
    await looking.page.getByRole("button", { name: "Copy", exact: true }).last().click();
    await expect
      .poll(() => looking.page.locator("#query-copied").innerText(), withinMs)
      .toMatch(/^(copied|selected: copy it with the keyboard)$/);
    expect(links["CSV"]).toBe(`sku,level\r\n${sku},5910\r\n`);
    expect(links["NDJSON"]).toBe(`{"sku":"${sku}","level":5910}\n`);
    expect(JSON.parse(links["JSON"]!)).toMatchObject({ rows: [{ sku, level: 5910 }], complete: true });
    await looking.page.goBack();
    await expect.poll(found, withinMs).toBe("25 rows, page 1.");
    expect(await looking.page.getByLabel("level is").inputValue()).toBe("");
  });

  test("[LP11] what the query refuses is said in its words, and mending it helps", async () => {
    await looking.page.getByLabel("level is").fill("many");
    await looking.page.getByLabel("level is").press("Enter");
    await expect.poll(found, withinMs).toContain('"level" is a whole number');
    expect(await firstColumn()).toEqual([]);
    expect(await looking.page.getByLabel("level is").getAttribute("aria-invalid")).toBe("true");
    await looking.page.getByRole("button", { name: "Clear filters and order" }).click();
    await expect.poll(found, withinMs).toBe("25 rows, page 1.");
    expect(await looking.page.getByLabel("level is").getAttribute("aria-invalid")).toBe(null);
    await looking.page.goto(`${shop.url}/#query=stock-level`);
    await expect.poll(found, withinMs).toContain('did you mean "stock-levels"');
  });

  test("[LP11] windows are bounded by time", async () => {
    await looking.page.goto(`${shop.url}/#query=orders-by-day`);
    await expect.poll(found, withinMs).toBe("No rows yet.");
    await looking.page.getByLabel("From").fill("yesterday");
    await looking.page.getByLabel("From").press("Enter");
    await expect.poll(found, withinMs).toContain('"from" is a time');
    await looking.page.getByLabel("From").fill("-30m");
    await looking.page.getByLabel("From").press("Enter");
    await expect.poll(found, withinMs).toBe("No rows yet.");
  });
});
