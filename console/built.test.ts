import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePage } from "../bundle/bundle-page.ts";
import { createConsole } from "./console.ts";
import { type PageFile, pageFiles, sourceFiles } from "./page-files.ts";
import { browserPath, openBrowser, visit } from "./testing/browser.ts";

const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

describe.skipIf(browserPath === undefined)("the page in a browser, alone (needs Chromium or Chrome on the path)", () => {
  const builtIn = mkdtempSync(join(tmpdir(), "millrace-built-page-"));
  let browser: Browser;

  beforeAll(async () => {
    [browser] = await Promise.all([openBrowser(), writePage(root, builtIn)]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(builtIn, { recursive: true, force: true });
  });

  test.each<[string, () => readonly PageFile[]]>([
    ["built", () => pageFiles(builtIn)],
    ["from its sources", sourceFiles],
  ])("[LP3] it runs %s, under its policy, with nothing missing", async (_, filesOf) => {
    const files = filesOf();
    const server = serve({ fetch: createConsole(files).fetch, hostname: "127.0.0.1", port: 0 }) as Server;
    if (!server.listening) await new Promise((settle) => server.once("listening", settle));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const seen = await visit(browser, `${origin}/`);
    const loaded = new Set<string>();
    seen.page.on("response", (response) => {
      if (!response.url().includes("/v1/")) loaded.add(`${response.status()} ${new URL(response.url()).pathname}`);
    });
    await seen.page.reload();
    await expect.poll(() => seen.page.locator(".uplot canvas").count()).toBe(2);
    await expect.poll(() => seen.page.locator("#nothing").isVisible()).toBe(true);
    expect([...loaded].filter((one) => !/^(200|304) /.test(one))).toEqual([]);
    for (const path of [...loaded].map((one) => one.slice(4))) expect(files.map((file) => file.path)).toContain(path);
    // There are no queries here, which the page is told in words.
    expect(seen.faults.filter((fault) => !fault.includes("status of 404"))).toEqual([]);
    await seen.close();
    server.closeAllConnections();
    await new Promise((settle) => server.close(settle));
  });
});
