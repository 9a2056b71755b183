import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser, type Visit, visit } from "#console/testing/browser.ts";
import { eventTypes } from "#schemas/event-types.ts";
import { DevServer } from "./testing/dev-server.ts";

const withinMs = { timeout: 20_000, interval: 100 };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(browserPath === undefined)("the handbook in a browser (needs Chromium or Chrome on the path)", () => {
  const server = new DevServer();
  let browser: Browser;
  let seen: Visit;

  beforeAll(async () => {
    [browser] = await Promise.all([openBrowser(), server.start()]);
    seen = await visit(browser, `${server.url}/docs`);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server.close();
  });

  test("[H5] every event type and every operation is on it; nothing came from elsewhere, nothing was refused", async () => {
    for (const eventType of eventTypes)
      expect(await seen.page.locator(`[id="event-${eventType}"] tbody tr`).count(), eventType).toBeGreaterThan(0);
    const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    expect(await seen.page.locator('details[id^="operation-"]').count()).toBe(
      Object.values(paths).flatMap((methods) => Object.keys(methods)).length,
    );
    expect([...seen.asked]).toEqual([server.url]);
    expect(seen.faults).toEqual([]);
  });

  test("[H5] the line that it offers posts an event", async () => {
    const line = await seen.page.locator("#first-event ~ pre code").innerText();
    const [, url, body] = /^curl -sS (\S+) -d '(.*)'$/.exec(line)!;
    const response = await fetch(url!, { method: "POST", body: body!, headers: { "content-type": "application/x-www-form-urlencoded" } });
    expect(response.status).toBe(200);
  });

  test("[H5] by the keyboard: an example is opened, sent, sent again, and mended by what its answer says", async () => {
    const type = seen.page.locator('[id="event-cart.item_added"]');
    await type.locator("summary").focus();
    await seen.page.keyboard.press("Enter");
    const form = type.locator("form");
    await form.getByRole("button", { name: "Send it" }).press("Enter");
    await expect.poll(() => form.locator("output p").innerText(), withinMs).toBe("200: accepted");
    await form.getByRole("button", { name: "Send it" }).press("Enter");
    await expect.poll(() => form.locator("output p").innerText(), withinMs).toBe("200: duplicate");
    await form.getByRole("button", { name: "Give it a new id" }).press("Enter");
    const text = await form.locator("textarea").inputValue();
    await form.locator("textarea").fill(text.replace("quantity", "quantty"));
    await form.getByRole("button", { name: "Send it" }).press("Enter");
    await expect.poll(() => form.locator("output p").innerText(), withinMs).toMatch(/^422: rejected at \/data\/quantty: .*"quantity"/);
    expect(seen.faults.filter((fault) => !fault.includes("status of 422"))).toEqual([]);
  });

  test("[H5] an example happens when it is sent, so that the queries show it", async () => {
    const form = seen.page.locator('[id="event-order.created"] form');
    await form.evaluate((node) => ((node as unknown as { closest(of: string): { open: boolean } }).closest("details").open = true));
    const { timestamp } = JSON.parse(await form.locator("textarea").inputValue()) as { timestamp: string };
    expect(Math.abs(Date.now() - Date.parse(timestamp))).toBeLessThan(600_000);
    await form.getByRole("button", { name: "Send it" }).press("Enter");
    await expect.poll(() => form.locator("output p").innerText(), withinMs).toBe("200: accepted");
    const orders = async (): Promise<unknown> => {
      const answer = (await (await fetch(`${server.url}/v1/queries/orders-per-minute`)).json()) as { rows: { orders: number }[] };
      return answer.rows.map((row) => row.orders);
    };
    await expect.poll(orders, withinMs).toEqual([1]);
  });

  test("[H5] an address leads to what it names, opened; problems are linked", async () => {
    const other = await visit(browser, `${server.url}/docs#event-order.created`);
    expect(await other.page.locator('[id="event-order.created"] table').first().isVisible()).toBe(true);
    await other.page.goto(`${server.url}/docs#operation-postevents`);
    await other.page.locator("#operation-postevents a", { hasText: "too-deep" }).click();
    await expect.poll(() => other.page.locator("h1").innerText(), withinMs).toBe("The body is nested too deeply");
    expect(other.faults).toEqual([]);
    await other.close();
  });

  test.each([
    ["in the dark", "dark", 1280],
    ["on a phone", "light", 360],
  ] as const)("[H5] axe finds nothing %s, and nothing is wider than the window", async (_, colorScheme, width) => {
    for (const path of ["/docs", "/problems", "/problems/all-events-rejected"]) {
      const other = await visit(browser, `${server.url}${path}`, { colorScheme, viewport: { width, height: 800 }, init: axe });
      const open = '[id="event-order.created"], #operation-postevents, #operation-query_stock_levels, #envelope';
      await other.page.evaluate(`document.querySelectorAll(${JSON.stringify(open)}).forEach((one) => (one.open = true))`);
      expect(await other.page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(width);
      const { violations } = (await other.page.evaluate("axe.run(document)")) as {
        violations: { id: string; nodes: { html: string }[] }[];
      };
      expect(violations.map(({ id, nodes }) => `${path} ${id}: ${nodes[0]!.html}`)).toEqual([]);
      expect(other.faults).toEqual([]);
      await other.close();
    }
  });

  test("[H5] without a script all of it is there to be read, and what cannot be done is not offered", async () => {
    const other = await visit(browser, `${server.url}/docs`, { javaScriptEnabled: false });
    expect(await other.page.locator("details").count()).toBeGreaterThan(eventTypes.length);
    expect(await other.page.locator("form.try:visible").count()).toBe(0);
    await other.close();
  });
});
