import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser, type Visit, visit } from "./testing/browser.ts";
import { orderEvent } from "./testing/order.ts";
import { Shop } from "./testing/shop.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const withinMs = { timeout: 30_000, interval: 100 };
type Finding = { readonly id: string; readonly impact: string; readonly nodes: readonly { readonly html: string }[] };

/** Dead letters of the live page, redriven and dropped by keyboard; skipped where there is no browser. */
describe.skipIf(browserPath === undefined)("dead letters in a browser (needs Chromium or Chrome on the path)", () => {
  const shop = new Shop();
  let browser: Browser;
  let seen: Visit;
  let page: Page;

  beforeAll(async () => {
    await shop.start();
    browser = await openBrowser();
    seen = await visit(browser, `${shop.url}/`, { init: axe, colorScheme: "dark" });
    page = seen.page;
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await shop.close();
  });

  async function postWrong(orders: number): Promise<void> {
    const events = Array.from({ length: orders }, (_, i) => orderEvent(`wrong-${i}`, { total: "1.00" }));
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${shop.url}/v1/events`, { method: "POST", headers, body: JSON.stringify(events) });
    expect(response.status).toBe(200);
  }
  const text = async (selector: string): Promise<string> =>
    String(await page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent`));
  const texts = (selector: string): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`);
  const isOpen = (selector: string): Promise<unknown> => page.evaluate(`document.querySelector(${JSON.stringify(selector)}).open`);
  const findings = async (): Promise<unknown[]> => {
    const { violations } = (await page.evaluate("axe.run(document)")) as { readonly violations: readonly Finding[] };
    return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => [id, nodes[0]!.html]);
  };

  test("[RD8] a letter is dropped by the keyboard: the question says what will happen, and a reason is asked for", async () => {
    await postWrong(2);
    await expect.poll(() => text('#topology [data-ref="node:orders"] .letters text'), withinMs).toBe("2");
    await page.evaluate(`document.querySelector('#topology [data-ref="node:orders"]').focus()`);
    await page.keyboard.press("Enter");
    await expect.poll(() => texts("#topology-panel li .actions button"), withinMs).toEqual(["Redrive…", "Drop…", "Redrive…", "Drop…"]);
    // Bytes are what it is; whoever reads wants the event.
    await page.locator("#topology-panel li summary").first().focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => text("#topology-panel li details pre"), withinMs).toMatch(/"orderId": "wrong-\d"[^]*"amount": "1.00"/);
    await page.locator("#topology-panel li .actions button").nth(1).focus();
    await page.keyboard.press("Enter");
    expect(await isOpen("#letters-question")).toBe(true);
    expect(await text("#letters-question h2")).toMatch(/^Drop the letter of business\.orders\.created\[\d+\]@\d+\?$/);
    await expect.poll(() => text("#letters-question-what"), withinMs).toMatch(/^1 letter would be marked as done with/);
    // The focus is where the reason goes; without one nothing happens.
    expect(await page.evaluate("document.activeElement.id")).toBe("letters-question-why");
    await page.keyboard.press("Enter");
    await expect.poll(() => text("#letters-question .fault")).toBe("Say why: the reason is recorded.");
    expect(await findings()).toEqual([]);
    await page.keyboard.type("made by hand");
    await page.keyboard.press("Enter");
    await expect.poll(() => text("#topology-panel .said"), withinMs).toBe("1 letter dropped.");
    expect(await isOpen("#letters-question")).toBe(false);
    await expect
      .poll(() => texts("#topology-panel li > .note:last-child"), withinMs)
      .toEqual([expect.stringMatching(/^dropped .* UTC by live page: made by hand$/)]);
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Last dead letters");
  });

  test("[RD8] Escape takes the question back and nothing is done; the focus is where it was", async () => {
    await page.locator("#topology-panel li .actions button").nth(0).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => text("#letters-question-what"), withinMs).toMatch(/^1 letter would go back to the topic/);
    await page.keyboard.press("Escape");
    expect([await isOpen("#letters-question"), await isOpen("#topology-panel")]).toEqual([false, true]);
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Redrive…");
    const { lines } = (await (await fetch(`${shop.url}/v1/dead-letters/summary`)).json()) as { lines: { open: number }[] };
    expect(lines).toMatchObject([{ open: 1, redriven: 0, dropped: 1 }]);
  });

  test("[RD8] all that are open are redriven at once; what still fails comes back as another letter", async () => {
    await page.locator("#topology-panel > .actions button").nth(0).focus();
    await page.keyboard.press("Enter");
    expect(await text("#letters-question h2")).toBe("Redrive all open letters of orders?");
    await expect.poll(() => page.evaluate("document.querySelector('#letters-question .confirm').disabled"), withinMs).toBe(false);
    await page.locator("#letters-question .confirm").click();
    await expect.poll(() => text("#topology-panel .said"), withinMs).toBe("1 letter redriven.");
    await expect.poll(() => texts("#topology-panel li > .note:last-child"), withinMs).toHaveLength(2);
    await expect.poll(() => texts("#topology-panel li .actions button"), withinMs).toEqual(["Redrive…", "Drop…"]);
    expect(await findings()).toEqual([]);
  });

  test("[RD8] the page was refused nothing by its policy, and threw nothing", () => {
    expect(seen.faults).toEqual([]);
  });
});
