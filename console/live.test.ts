import type { Page, Request } from "playwright-core";
import { describe, expect, test } from "vitest";
import { browserPath, visit } from "./testing/browser.ts";
import { ShopPage } from "./testing/shop-page.ts";
import { StreamRelay } from "./testing/stream-relay.ts";

const withinMs = { timeout: 60_000, interval: 50 };
const streams = "**/v1/queries/*/stream*";
const isHeard = /, (shown as they come|as they change)\.$/;

/** Keeps what stood in the panels of rows too often, at any moment. */
const keepDoubles = `window.doubles = [];
document.addEventListener("DOMContentLoaded", () => {
  const look = () => {
    for (const id of ["fraud", "stock"]) {
      const texts = [...document.querySelectorAll("#" + id + " tbody tr")].map((row) => row.innerText);
      window.doubles.push(...texts.filter((text, i) => texts.indexOf(text) !== i));
    }
  };
  new MutationObserver(look).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
});`;

/** A browser without windows shows one page at a time; here each is looked at until it says otherwise. */
const keepLooking = `Object.defineProperty(document, "visibilityState", { get: () => (window.looksAway ? "hidden" : "visible") });`;

/** What a page asks, as paths with their parameters. */
function askedBy(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request: Request) => paths.push(request.url().slice(new URL(request.url()).origin.length)));
  return paths;
}

describe.skipIf(browserPath === undefined)(
  "what happens while somebody looks (needs Chromium or Chrome on the path)",
  { timeout: 120_000 },
  () => {
    const looking = new ShopPage({ init: `${keepDoubles}\n${keepLooking}` });
    const { shop } = looking;

    const attempt = (card: string, n: number): object => ({
      eventType: "payment.attempted",
      data: { paymentId: `pay-${card}-${n}`, orderId: `o-${card}-${n}`, cardId: card, amount: { amount: "1.00", currency: "GBP" } },
    });
    /** More tries of one card than the rule allows. */
    const raiseAlert = async (card: string): Promise<void> => {
      for (let n = 0; n < 4; n++) expect(await shop.post(attempt(card, n))).toBe(200);
    };
    const receive = async (sku: string, quantity: number): Promise<void> =>
      expect(await shop.post({ eventType: "inventory.received", data: { sku, quantity } })).toBe(200);
    const note = (page: Page, section: string): Promise<string> => page.locator(`#${section} .note`).innerText();
    const hears = async (page: Page): Promise<void> => {
      for (const section of ["fraud", "stock"]) await expect.poll(() => note(page, section), withinMs).toMatch(isHeard);
    };
    const subjects = (page: Page): Promise<string[]> => page.locator("#fraud tbody td:nth-child(3)").allInnerTexts();
    const levels = async (page: Page): Promise<string[]> =>
      (await page.locator("#stock tbody tr").allInnerTexts()).map((text) => text.trim().replaceAll("\t", " "));

    test("[LP14] alerts and levels show as they happen, and nobody asks for them meanwhile", async () => {
      await receive("a", 3);
      await expect.poll(() => levels(looking.page), withinMs).toEqual(["a 3 low"]);
      await hears(looking.page);
      const asked = askedBy(looking.page);
      await raiseAlert("card-1");
      await expect.poll(() => subjects(looking.page), withinMs).toEqual(["card-1"]);
      await receive("b", 2);
      await expect.poll(() => levels(looking.page), withinMs).toEqual(["b 2 low", "a 3 low"]);
      await receive("b", 8);
      await expect.poll(() => levels(looking.page), withinMs).toEqual(["a 3 low", "b 10"]);
      await expect.poll(() => asked.filter((path) => path.includes("orders-per-minute")).length, withinMs).toBeGreaterThan(2);
      expect(asked.filter((path) => /fraud-alerts|stock-levels/.test(path))).toEqual([]);
    });

    test("[LP8] what has not changed is answered by 304, and does not come again", async () => {
      const asked = `performance.getEntriesByType("resource").filter(({ name }) => name.includes("/v1/queries/top-products-by-day"))
        .filter(({ transferSize, encodedBodySize }) => transferSize > 0 && transferSize < encodedBodySize).length`;
      await expect.poll(() => looking.page.evaluate(asked), withinMs).toBeGreaterThan(0);
    });

    test("[LP14] a killed server is missed; when it is back, the page goes on where it was, and nothing is there twice", async () => {
      const before = [await subjects(looking.page), await levels(looking.page)];
      await shop.kill();
      await expect.poll(() => looking.text("#state"), withinMs).toMatch(/does not answer/);
      expect([await subjects(looking.page), await levels(looking.page)]).toEqual(before);
      const asked = askedBy(looking.page);
      await shop.start();
      await raiseAlert("card-2");
      await expect.poll(() => subjects(looking.page), withinMs).toEqual(["card-2", "card-1"]);
      await hears(looking.page);
      expect(asked.some((path) => /fraud-alerts\/stream\?snapshot=0&lastEventId=./.test(path))).toBe(true);
      await receive("a", 1);
      await raiseAlert("card-3");
      await expect.poll(() => subjects(looking.page), withinMs).toEqual(["card-3", "card-2", "card-1"]);
      await expect.poll(() => levels(looking.page), withinMs).toEqual(["a 4 low", "b 10"]);
      expect(await looking.page.evaluate("window.doubles")).toEqual([]);
    });

    test("[LP14] where streams are refused the page asks once a second, and hears again once it may", async () => {
      const seen = await visit(looking.browser, "about:blank", { init: keepDoubles });
      const { page } = seen;
      await page.route(streams, (route) => route.fulfill({ status: 501, contentType: "application/problem+json", body: "{}" }));
      await page.goto(`${shop.url}/`);
      await expect.poll(() => subjects(page), withinMs).toEqual(["card-3", "card-2", "card-1"]);
      await raiseAlert("card-4");
      await expect.poll(() => subjects(page), withinMs).toEqual(["card-4", "card-3", "card-2", "card-1"]);
      expect(await note(page, "fraud")).toBe("The newest by event time.");
      await page.unroute(streams);
      await hears(page);
      expect(await subjects(page)).toEqual(["card-4", "card-3", "card-2", "card-1"]);
      expect(await page.evaluate("window.doubles")).toEqual([]);
      await seen.close();
    });

    test("[LP14] while a stream waits for the owner of a task the page asks; when it goes on, nothing is missed or there twice", async () => {
      const seen = await visit(looking.browser, "about:blank", { init: keepDoubles });
      const { page } = seen;
      const relay = new StreamRelay(shop.url);
      await relay.between(page);
      await page.goto(`${shop.url}/`);
      await hears(page);
      const asked = askedBy(page);
      expect(relay.wait({ code: "QUERY_OWNER_MOVED", detail: "the task is being taken over" })).toBe(2);
      await expect.poll(() => note(page, "fraud"), withinMs).toBe("The newest by event time.");
      await raiseAlert("card-waits");
      await expect.poll(async () => (await subjects(page))[0], withinMs).toBe("card-waits");
      // The same stream: it was not begun again, which it is where nothing is said for 10 s.
      expect(asked.filter((path) => path.includes("/stream"))).toEqual([]);
      relay.goOn();
      await hears(page);
      await raiseAlert("card-goes-on");
      await expect.poll(async () => (await subjects(page)).slice(0, 2), withinMs).toEqual(["card-goes-on", "card-waits"]);
      expect(await page.evaluate("window.doubles")).toEqual([]);
      await seen.close();
      relay.close();
    });

    test("[LP14] what is low the plan says, not the page", async () => {
      const seen = await visit(looking.browser, "about:blank");
      const { page } = seen;
      await page.route("**/v1/topology", async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: (await answer.text()).replace('"lowStockBelow":5', '"lowStockBelow":11') });
      });
      await page.goto(`${shop.url}/`);
      await expect.poll(() => levels(page), withinMs).toEqual(["a 4 low", "b 10 low"]);
      await seen.close();
    });

    test("[LP15] several windows keep four streams open at most, so that there is room to ask and to post; who looks away makes room", async () => {
      const context = looking.page.context();
      const others = [await context.newPage(), await context.newPage()] as const;
      // One behind the other: whoever comes first has the places.
      await hears(looking.page);
      await others[0].goto(`${shop.url}/`);
      await hears(others[0]);
      await others[1].goto(`${shop.url}/`);
      const asked = askedBy(others[1]);
      await raiseAlert("card-5");
      for (const page of [looking.page, ...others]) await expect.poll(async () => (await subjects(page))[0], withinMs).toBe("card-5");
      expect(await note(others[1], "fraud")).toBe("The newest by event time.");
      const posted = `fetch("/v1/events", { method: "POST", headers: { "Content-Type": "application/json" }, body: ${JSON.stringify(JSON.stringify(attempt("card-6", 0)))} }).then(({ status }) => status)`;
      expect(await others[1].evaluate(posted)).toBe(200);
      expect(asked.filter((path) => path.includes("/stream"))).toEqual([]);
      await others[0].evaluate(`window.looksAway = true; document.dispatchEvent(new Event("visibilitychange"));`);
      await hears(others[1]);
      for (const page of others) await page.close();
    });
  },
);
