import { describe, expect, test } from "vitest";
import { browserPath } from "./testing/browser.ts";
import { ShopPage } from "./testing/shop-page.ts";

const withinMs = { timeout: 20_000, interval: 100 };
const hostile = `<img src=x onerror="document.title='read as markup'">`;

describe.skipIf(browserPath === undefined)("the page in a browser (needs Chromium or Chrome on the path)", () => {
  const looking = new ShopPage();
  const { shop } = looking;
  const text = (selector: string): Promise<string> => looking.text(selector);

  test("[LP9] while nothing comes it offers a line to copy; what that line posts shows by itself", async () => {
    await expect.poll(() => text("#curl"), withinMs).toContain(`curl -sS ${shop.url}/v1/events`);
    await expect.poll(() => looking.page.locator("#nothing").isVisible(), withinMs).toBe(true);
    expect(await shop.post(/-d '(.*)'$/.exec(await text("#curl"))![1]!)).toBe(200);
    await expect.poll(() => text("#revenue .value"), withinMs).toBe("21.90");
    expect(await text("#orders .value")).toBe("1");
    await expect.poll(() => text("#tail tbody"), withinMs).toContain("accepted");
    await expect.poll(() => looking.page.locator("#nothing").isVisible(), withinMs).toBe(false);
    expect(await text("#as-of")).toMatch(/^as of \d\d:\d\d:\d\d UTC of event time/);
    await expect.poll(() => text("#products tbody td"), withinMs).toBe("1|22423|2|21.90");
    expect(await looking.page.getByRole("link", { name: "Handbook" }).getAttribute("href")).toBe("/docs");
  });

  test("[LP2] what an event holds is shown as text, what was refused with its reason", async () => {
    expect(await shop.post({ eventType: "inventory.received", data: { sku: hostile, quantity: 3 } })).toBe(200);
    expect(await shop.post({ eventType: "inventory.received", data: { sku: "a", quantty: 3 } })).toBe(422);
    await expect.poll(() => text("#stock tbody"), withinMs).toContain(`${hostile}\t3\tlow`);
    await expect.poll(() => text("#tail tbody"), withinMs).toMatch(/rejected\s.*schema_violation.*quant/s);
    expect(await looking.page.locator("main img").count()).toBe(0);
    expect(await looking.page.title()).toBe("Millrace");
  });

  test("[LP10] a refusal stays in sight, however much is accepted behind it", async () => {
    const receipts = Array.from({ length: 40 }, (_, i) => ({ eventType: "inventory.received", data: { sku: `sku-${i}`, quantity: 50 } }));
    expect(await shop.post(receipts)).toBe(200);
    await expect.poll(() => text("#tail .note"), withinMs).toMatch(/^4\d taken and 1 refused/);
    expect(await looking.page.locator("#tail tbody tr").count()).toBe(14);
    expect(await text("#tail tbody tr:last-child")).toMatch(/rejected\s.*schema_violation.*quant/s);
  });

  test("[LP6] a chart tells each minute to the keyboard, in words, and as a table", async () => {
    const chart = looking.page.getByRole("slider", { name: /Orders per minute/ });
    await chart.focus();
    await looking.page.keyboard.press("Home");
    const first = await chart.getAttribute("aria-valuetext");
    expect(first).toMatch(/^\d\d:\d\d UTC: 0 orders$/);
    expect(await chart.getAttribute("aria-valuenow")).toBe("0");
    await looking.page.keyboard.press("ArrowRight");
    expect(await chart.getAttribute("aria-valuetext")).not.toBe(first);
    await looking.page.keyboard.press("Escape");
    expect(await chart.getAttribute("aria-valuenow")).toBe("29");
    await looking.page.locator("#orders summary").click();
    await expect.poll(() => looking.page.locator("#orders tbody tr").count(), withinMs).toBe(30);
    await looking.page.getByLabel("60 minutes").check();
    await expect.poll(() => looking.page.locator("#orders tbody tr").count(), withinMs).toBe(60);
    await expect.poll(() => text("#orders .total"), withinMs).toBe("1 in these 60 minutes");
  });

  test("[LP12] alerts that come while the page is open are told to screen readers", async () => {
    const attempt = (orderId: string): object => ({
      eventType: "payment.attempted",
      data: { paymentId: `pay-${orderId}`, orderId, cardId: "card-me", amount: { amount: "1.00", currency: "GBP" } },
    });
    for (const orderId of ["o1", "o2", "o3", "o4"]) expect(await shop.post(attempt(orderId))).toBe(200);
    await expect.poll(() => text("#fraud tbody"), withinMs).toContain("card-me");
    expect(await text("#fraud .news")).toMatch(/^New fraud alert: .*card-me$/);
  });

  test("[LP8] a part that has no answer says so itself, while the others go on", async () => {
    await looking.page.route("**/v1/queries/top-products-by-day*", (route) => route.abort());
    await expect.poll(() => text("#products .note"), withinMs).toBe("No answer yet; asking again.");
    expect(await text("#state")).toBe("live");
    await looking.page.unroute("**/v1/queries/top-products-by-day*");
    await expect.poll(() => text("#products .note"), withinMs).toMatch(/^By revenue on /);
  });

  test("[LP2] nothing was thrown, nothing that the page needs is refused by its policy, and it asks nobody else", () => {
    expect(looking.seen.faults.filter((fault) => !fault.includes("net::ERR_FAILED"))).toEqual([]);
    expect([...looking.seen.asked]).toEqual([shop.url]);
  });

  test("[LP8] a server that went away is told in words", async () => {
    await shop.kill();
    await expect.poll(() => text("#state"), withinMs).toBe("the server does not answer; trying again");
    const told = await text("#as-of");
    await expect.poll(() => text("#as-of"), withinMs).not.toBe(told);
  });
});
