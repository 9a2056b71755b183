import { describe, expect, test } from "vitest";
import { browserPath } from "./testing/browser.ts";
import { ShopPage } from "./testing/shop-page.ts";

const withinMs = { timeout: 20_000, interval: 100 };

/** The house in a process of its own, a browser that looks at its topology; skipped where there is no browser. */
describe.skipIf(browserPath === undefined)("the topology in a browser (needs Chromium or Chrome on the path)", () => {
  const looking = new ShopPage();
  const { shop } = looking;

  const posted = new Set<string>();
  /** Orders whose total may be wrong; answers the status. */
  async function post(orders: number, total = "21.90"): Promise<number> {
    const events = Array.from({ length: orders }, () => {
      const orderId = `order-${posted.size}`;
      posted.add(orderId);
      const unitPrice = { amount: "10.95", currency: "GBP" };
      const items = [{ sku: "22423", quantity: 2, unitPrice }];
      const data = {
        orderId,
        customerId: "me",
        items,
        total: { amount: total, currency: "GBP" },
        paymentMethod: { type: "card", cardId: "card-me" },
      };
      return { eventType: "order.created", data: { ...data, shippingAddress: { country: "<b>Eire</b>" } } };
    });
    return shop.post(events);
  }

  const vertex = (ref: string): string => `document.querySelector('#topology [data-ref="${ref}"]')`;
  const text = async (expression: string): Promise<string> => String(await looking.page.evaluate(`${expression}?.textContent`));
  const figures = (ref: string): Promise<string> => text(`${vertex(ref)}?.querySelector(".figures")`);
  const press = (key: string): Promise<unknown> =>
    looking.page.evaluate(
      `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "${key}", bubbles: true, cancelable: true }))`,
    );
  const focused = (): Promise<unknown> => looking.page.evaluate("document.activeElement.dataset.ref");
  /** Where the boxes and frames stand in the drawing; other parts of the page may grow above it. */
  const boxes = (): Promise<unknown> =>
    looking.page.evaluate(`(() => {
      const all = document.querySelector("#topology svg").getBoundingClientRect();
      const rects = [...document.querySelectorAll("#topology :is(.vertex, .group) > rect")].map((one) => one.getBoundingClientRect());
      return rects.map(({ x, y, width, height }) => [x - all.x, y - all.y, width, height].map(Math.round).join(" ")).join();
    })()`);
  let placed: unknown;

  test("[TV5] every node, topic and edge of the plan is drawn, each name within its box", async () => {
    const { nodes, topics, edges } = await shop.ask<Record<string, unknown[]>>("/v1/topology");
    await expect
      .poll(() => looking.page.evaluate("document.querySelectorAll('#topology .vertex').length"), withinMs)
      .toBe(nodes!.length + topics!.length);
    expect(await looking.page.evaluate("document.querySelectorAll('#topology .edge path').length")).toBe(edges!.length);
    const sticksOut = `[...document.querySelectorAll("#topology .vertex")].filter((one) => {
      const [box, name] = [one.querySelector("rect"), one.querySelector(".name")].map((part) => part.getBoundingClientRect());
      return name.left < box.left || name.right > box.right || name.top < box.top || name.bottom > box.bottom;
    }).map((one) => one.dataset.ref)`;
    expect(await looking.page.evaluate(sticksOut)).toEqual([]);
    // The table says the same.
    expect(await looking.page.evaluate("document.querySelectorAll('#topology tbody tr').length")).toBe(nodes!.length);
  });

  test("[TV6] rates move while events come, and nothing moves its place", async () => {
    await expect.poll(() => figures("node:orders"), withinMs).toBe("0/s in · 0/s out");
    placed = await boxes();
    expect(await post(50)).toBe(200);
    await expect.poll(() => figures("node:orders"), withinMs).toMatch(/^\d[\d.]*\/s in · \d[\d.]*\/s out$/);
    await expect.poll(async () => Number.parseFloat(await figures("node:orders")), withinMs).toBeGreaterThan(1);
    await expect.poll(async () => Number.parseFloat(await figures("topic:business.orders.created")), withinMs).toBeGreaterThanOrEqual(0);
    expect(await looking.page.evaluate("document.querySelectorAll('#topology .edge.flowing').length")).toBeGreaterThan(5);
    await expect.poll(() => figures("node:orders"), withinMs).toBe("0/s in · 0/s out");
    expect(await boxes()).toBe(placed);
  });

  test("[TV7] a dead letter shows on its node, and by the keyboard with its reason, its place and its bytes; the focus returns", async () => {
    expect(await looking.page.evaluate(`${vertex("node:orders")}.querySelector(".letters").getAttribute("visibility")`)).toBe("hidden");
    expect(await post(1, "1.00")).toBe(200);
    await expect.poll(() => text(`${vertex("node:orders")}.querySelector(".letters text")`), withinMs).toBe("1");
    expect(await looking.page.evaluate(`${vertex("node:orders")}.getAttribute("aria-label")`)).toMatch(/^orders, .*, 1 dead letter, node$/);
    await looking.page.evaluate(`${vertex("topic:business.orders.created")}.focus()`);
    await press("ArrowRight");
    expect(await focused()).toBe("node:orders");
    await press("Enter");
    expect(await looking.page.evaluate("document.querySelector('#topology-panel').open")).toBe(true);
    await expect.poll(() => text("document.querySelector('#topology-panel ol')"), withinMs).toContain("total-mismatch");
    const letter = await text("document.querySelector('#topology-panel li')");
    expect(letter).toMatch(/business\.orders\.created\[\d+\]@\d+, key me/);
    expect(await text("document.querySelector('#topology-panel pre')")).toContain("<b>Eire</b>");
    expect(await looking.page.evaluate("document.querySelectorAll('#topology-panel b').length")).toBe(0);
    expect(await text("document.querySelector('#topology-panel dl')")).toContain("dedupe by eventId");
    // One that comes while it is open shows by itself.
    expect(await post(1, "2.00")).toBe(200);
    await expect.poll(() => looking.page.evaluate("document.querySelectorAll('#topology-panel li').length"), withinMs).toBe(2);
    await looking.page.evaluate("document.querySelector('#topology-panel button').click()");
    expect(await looking.page.evaluate("document.querySelector('#topology-panel').open")).toBe(false);
    expect(await focused()).toBe("node:orders");
  });

  test("[TV6] after a kill and a new start all is right again: no rate below zero, the same counts, the same places", async () => {
    const counted = `document.querySelector('#topology [data-ref="node:orders"] .letters text').textContent`;
    await shop.kill();
    await expect.poll(() => text("document.querySelector('#topology [role=status]')"), withinMs).toContain("The server does not answer");
    await looking.page.evaluate(`globalThis.shown = new Set(); new MutationObserver((changes) => {
      for (const { target } of changes) shown.add(target.textContent);
    }).observe(document.querySelector("#topology svg"), { subtree: true, childList: true, characterData: true })`);
    await shop.start();
    await expect.poll(() => text("document.querySelector('#topology [role=status]')"), { timeout: 40_000, interval: 200 }).toBe("");
    expect(await post(30)).toBe(200);
    await expect.poll(() => looking.page.evaluate("[...shown].some((one) => /^[1-9].*in · /.test(one))"), withinMs).toBe(true);
    await expect.poll(() => figures("node:orders"), withinMs).toBe("0/s in · 0/s out");
    expect(await looking.page.evaluate("[...shown].filter((one) => one.includes('-') || one.includes('NaN'))")).toEqual([]);
    expect(await looking.page.evaluate(counted)).toBe("2");
    expect(await boxes()).toBe(placed);
    const { nodes } = await shop.ask<{ nodes: Record<string, { in: number }> }>("/v1/topology/state");
    expect(nodes["orders"]!.in).toBe(posted.size);
  });

  test("[TV5] the page was refused nothing by its policy, and threw nothing", () => {
    // While the server was away the browser told of that.
    expect(looking.seen.faults.filter((fault) => !fault.includes("ERR_CONNECTION"))).toEqual([]);
  });
});
