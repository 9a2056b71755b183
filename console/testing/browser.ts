import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** A browser that speaks the Chrome DevTools Protocol, if this machine has one. */
export const browserPath: string | undefined = ["chromium", "chromium-browser", "google-chrome", "chrome"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const isStream = /\/v1\/queries\/[^/]+\/stream/;

/** A browser without a window. */
export const openBrowser = (): Promise<Browser> => {
  // A sandbox inside a container of root's is refused.
  return chromium.launch({ executablePath: browserPath!, headless: true, chromiumSandbox: process.getuid?.() !== 0 });
};

export type Visit = {
  readonly page: Page;
  /** What the page threw or was refused so far. */
  readonly faults: readonly string[];
  /** Where it asked for something so far. */
  readonly asked: ReadonlySet<string>;
  close(): Promise<void>;
};

/** Opens an address as somebody who was never there. `init` runs in the page before its own scripts. */
export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { readonly init?: string } = {},
): Promise<Visit> {
  const { init, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...rest });
  if (init !== undefined) await context.addInitScript({ content: init });
  const page = await context.newPage();
  const faults: string[] = [];
  const asked = new Set<string>();
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    // A stream that broke off, or that a busy server did not begin in time, is none: the page asks meanwhile. [LP14]
    if (message.type() === "error" && !isStream.test(message.location().url)) faults.push(message.text());
  });
  page.on("request", (request) => asked.add(new URL(request.url()).origin));
  await page.goto(url);
  return { page, faults, asked, close: () => context.close() };
}
