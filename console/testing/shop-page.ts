import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { openBrowser, type Visit, visit } from "./browser.ts";
import { Shop } from "./shop.ts";

export type ShopPageOptions = {
  /** Of the page; `/` if nothing is said. */
  readonly path?: string;
  /** What the shop does before somebody looks. */
  readonly before?: (shop: Shop) => Promise<void>;
  /** Runs in the page before its own scripts. */
  readonly init?: string;
};

/** A shop of its own and somebody who looks at its page, for the tests of the block in which it is made. */
export class ShopPage {
  readonly shop = new Shop();
  #browser: Browser | undefined;
  #seen: Visit | undefined;

  constructor({ path = "/", before, init }: ShopPageOptions = {}) {
    beforeAll(async () => {
      [this.#browser] = await Promise.all([openBrowser(), this.shop.start()]);
      await before?.(this.shop);
      this.#seen = await visit(this.#browser, `${this.shop.url}${path}`, init === undefined ? {} : { init });
    }, 60_000);
    afterAll(async () => {
      await this.#browser?.close();
      await this.shop.close();
    });
  }

  get browser(): Browser {
    return this.#browser!;
  }

  get seen(): Visit {
    return this.#seen!;
  }

  get page(): Page {
    return this.seen.page;
  }

  /** The texts of all elements that the selector finds. */
  async text(selector: string): Promise<string> {
    return (await this.page.locator(selector).allInnerTexts()).map((one) => one.trim()).join("|");
  }
}
