import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser, visit } from "./testing/browser.ts";
import { orderEvent } from "./testing/order.ts";
import { Shop } from "./testing/shop.ts";

const withinMs = { timeout: 60_000, interval: 100 };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Where screenshots go, for eyes; none are made without. */
const shots = process.env["MILLRACE_SHOTS"];

type Finding = { readonly id: string; readonly impact: string; readonly nodes: readonly { readonly html: string }[] };

const schemes = ["light", "dark"] as const;
const widths = [1280, 360] as const;
/** Of the bars of minutes that are settled, and of those that can still change. */
const colours = ["--bar", "--open"] as const;

describe.skipIf(browserPath === undefined)("who can use the page (needs Chromium or Chrome on the path)", { timeout: 120_000 }, () => {
  const shop = new Shop();
  let browser: Browser;

  beforeAll(async () => {
    [browser] = await Promise.all([openBrowser(), shop.start()]);
    // Something for each panel, and for the charts minutes that are settled and one that can still change.
    await shop.replayAll(["--opening-stock", "50"]);
    const minutes = ["09:00", "09:01", "09:10", "09:11", "09:12"];
    for (const minute of minutes) expect(await shop.post(orderEvent(minute, { timestamp: `2011-04-29T${minute}:00Z` }))).toBe(200);
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await shop.close();
  });

  const filled = async (page: Page): Promise<void> => {
    for (const section of ["products", "stock", "fraud", "tail", "queries"])
      await expect.poll(() => page.locator(`#${section} tbody tr`).count(), withinMs).toBeGreaterThan(0);
    await expect.poll(() => page.locator("#orders .readout").innerText(), withinMs).not.toBe("");
  };

  for (const colorScheme of schemes) {
    for (const width of widths) {
      test(`[LP13] axe finds nothing serious, and nothing is wider than the window: ${colorScheme}, ${width} px`, async () => {
        const seen = await visit(browser, `${shop.url}/`, {
          colorScheme,
          viewport: { width, height: 900 },
          reducedMotion: "reduce",
          init: axe,
        });
        await filled(seen.page);
        if (shots !== undefined) await seen.page.screenshot({ path: join(shots, `${colorScheme}-${width}.png`), fullPage: true });
        await seen.page.locator("#orders summary").click();
        await expect.poll(() => seen.page.locator("#orders tbody tr").count(), withinMs).toBe(30);
        const { violations } = (await seen.page.evaluate("axe.run(document)")) as { readonly violations: readonly Finding[] };
        const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
        expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
        const [content, room] = (await seen.page.evaluate(
          "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
        )) as [number, number];
        expect(content).toBeLessThanOrEqual(room);
        await seen.close();
      });
    }
  }

  test("[LP13] charts take the colours of the scheme, also when it changes, and the width of the window", async () => {
    const seen = await visit(browser, `${shop.url}/`, { colorScheme: "light" });
    await filled(seen.page);
    const drawn = (colour: string): Promise<unknown> => seen.page.evaluate(pixelsOf("#orders canvas", colour));
    for (const colour of colours) await expect.poll(() => drawn(colour), withinMs).toBeGreaterThan(50);
    const light = await seen.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--bar')");
    await seen.page.emulateMedia({ colorScheme: "dark" });
    for (const colour of colours) await expect.poll(() => drawn(colour), withinMs).toBeGreaterThan(50);
    expect(await seen.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--bar')")).not.toBe(light);
    await seen.page.setViewportSize({ width: 360, height: 800 });
    const width = async (): Promise<number> => (await seen.page.locator("#orders .uplot").boundingBox())!.width;
    await expect.poll(width, withinMs).toBeLessThan(360);
    await seen.close();
  });

  test("[LP13] the keyboard reaches everything that can be used", async () => {
    const seen = await visit(browser, `${shop.url}/`);
    await filled(seen.page);
    const usable = `[...document.querySelectorAll("a[href], button:not(:disabled), input, select, summary, [tabindex='0']")]
      .filter((one) => one.checkVisibility() && !(one.type === "radio" && !one.checked))`;
    const count = Number(await seen.page.evaluate(`${usable}.length`));
    expect(count).toBeGreaterThan(20);
    for (let i = 0; i < count + 5; i++) {
      await seen.page.keyboard.press("Tab");
      await seen.page.evaluate("document.activeElement.dataset.reached = 'yes'");
    }
    const missed = await seen.page.evaluate(
      `${usable}.filter((one) => one.dataset.reached === undefined).map((one) => one.outerHTML.slice(0, 200))`,
    );
    expect(missed).toEqual([]);
    await seen.close();
  });
});

/** How many pixels of a canvas have the colour of a variable of the stylesheet. */
const pixelsOf = (canvas: string, variable: string): string => `(() => {
  const canvas = document.querySelector(${JSON.stringify(canvas)});
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(canvas).getPropertyValue(${JSON.stringify(variable)}).trim();
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] === 255) found += 1;
  return found;
})()`;
