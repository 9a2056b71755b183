import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openPage, type Page } from "./testing/browser.ts";

const withinMs = { timeout: 20_000, interval: 100 };
/** What `curl -d` says of its body. */
const asCurl = { "Content-Type": "application/x-www-form-urlencoded" };
const hostile = `<img src=x onerror="document.title='read as markup'">`;

/** The whole house in a process of its own, as a newcomer starts it, and a browser that looks at it; skipped where there is no browser. */
describe.skipIf(browserPath === undefined)("the page in a browser (needs Chromium or Chrome on the path)", () => {
  const data = mkdtempSync(join(tmpdir(), "millrace-page-"));
  let server: ChildProcess;
  let url: string;
  let page: Page;
  const close: (() => void | Promise<void>)[] = [() => rmSync(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })];

  beforeAll(async () => {
    const cli = new URL("../cli/main.ts", import.meta.url).pathname;
    server = spawn(process.execPath, [cli, "dev", "--no-demo", "--data", data, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
    close.push(() => void server.kill("SIGKILL"));
    url = await new Promise<string>((settle, reject) => {
      let said = "";
      server.stdout!.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const match = /live page\s+(http:\/\/\S+?)\/\s/.exec(said);
        if (match) settle(match[1]!);
      });
      server.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    page = await openPage(`${url}/`);
    close.push(() => page.close());
  }, 60_000);

  afterAll(async () => {
    for (const one of close.toReversed()) await one();
  });

  const text = async (selector: string): Promise<string> =>
    String(await page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.innerText).join("|")`));
  const post = async (body: string): Promise<number> => (await fetch(`${url}/v1/events`, { method: "POST", body, headers: asCurl })).status;

  test("[LP9] while nothing comes it offers a line to copy; what that line posts shows by itself", async () => {
    await expect.poll(() => text("#curl"), withinMs).toContain(`curl -sS ${url}/v1/events`);
    await expect.poll(() => page.evaluate("document.getElementById('nothing').hidden"), withinMs).toBe(false);
    expect(await post(/-d '(.*)'$/.exec(await text("#curl"))![1]!)).toBe(200);
    await expect.poll(() => text("#revenue .value"), withinMs).toBe("21.90");
    expect(await text("#orders .value")).toBe("1");
    await expect.poll(() => text("#tail tbody"), withinMs).toContain("accepted");
    await expect.poll(() => page.evaluate("document.getElementById('nothing').hidden"), withinMs).toBe(true);
    expect(await text("#as-of")).toMatch(/^as of \d\d:\d\d:\d\d UTC of event time/);
    expect(await page.evaluate("document.querySelectorAll('#orders svg rect').length")).toBe(30);
    await expect.poll(() => text("#queries li"), withinMs).toContain("stock-levels csv");
  });

  test("[LP2] what an event holds is shown as text, what was refused with its reason", async () => {
    const receipt = { eventType: "inventory.received", data: { sku: hostile, quantity: 3 } };
    expect(await post(JSON.stringify(receipt))).toBe(200);
    expect(await post(JSON.stringify({ eventType: "inventory.received", data: { sku: "a", quantty: 3 } }))).toBe(422);
    await expect.poll(() => text("#stock tbody"), withinMs).toBe(`${hostile}\t3\tlow`);
    await expect.poll(() => text("#tail tbody"), withinMs).toMatch(/rejected.*schema_violation.*quant/);
    expect(await page.evaluate("document.querySelectorAll('main img').length")).toBe(0);
    expect(await page.evaluate("document.title")).toBe("Millrace");
  });

  test("[LP2] nothing was thrown, and nothing that the page needs is refused by its policy", () => {
    expect(page.faults).toEqual([]);
  });

  test("[LP8] a server that went away is told in words", async () => {
    server.kill("SIGKILL");
    await expect.poll(() => text("#state"), withinMs).toBe("the server does not answer; trying again");
  });
});
