import { setTimeout as delay } from "node:timers/promises";
import type { SeededRandom } from "#schemas/testing/seeded-random.ts";

const articles = 200;
const batch = 20;
const senders = 4;
/** How long a sender waits for a server that is away, or for its turn. */
const againMs = 50;

/** Orders without end, so many a second, each sent again under its id until it was accepted; what they add up to is known here. */
export class OrderStream {
  /** Units and pence by article. */
  readonly #sums = new Map<string, { units: number; pence: number }>();
  readonly #url: () => string;
  readonly #random: SeededRandom;
  readonly #perSecond: number;
  readonly #stopping = new AbortController();
  readonly #sending: Promise<void>[];
  #made = 0;
  sent = 0;
  /** Requests that had to be made again. */
  again = 0;

  constructor(url: () => string, { random, perSecond }: { readonly random: SeededRandom; readonly perSecond: number }) {
    this.#url = url;
    this.#random = random;
    this.#perSecond = perSecond;
    this.#sending = Array.from({ length: senders }, () => this.#send());
  }

  /** Settles when all that was made is accepted. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#sending);
  }

  /** `sku,units,revenue`, sorted: what every answer must be in the end. */
  get rows(): readonly string[] {
    return [...this.#sums].map(([sku, { units, pence }]) => `${sku},${units},${(pence / 100).toFixed(2)}`).toSorted();
  }

  async #send(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const begun = performance.now();
      const orders = Array.from({ length: batch }, () => this.#order());
      while (!(await this.#accepted(orders))) {
        this.again += 1;
        await delay(againMs);
      }
      this.sent += batch;
      const turnMs = (1000 * batch * senders) / this.#perSecond;
      await delay(Math.max(0, turnMs - (performance.now() - begun)));
    }
  }

  async #accepted(orders: readonly object[]): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url()}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(orders),
      });
      const text = await response.text();
      if (response.status !== 200) {
        if (response.status < 500 && response.status !== 429) throw new Error(`the gateway refuses: ${response.status} ${text}`);
        return false;
      }
      const { results } = JSON.parse(text) as { results: readonly { status: string }[] };
      return results.every(({ status }) => status === "accepted" || status === "duplicate");
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return false;
      throw error;
    }
  }

  #order(): object {
    const orderId = `order-${(this.#made += 1)}`;
    const item = (): { sku: string; quantity: number; unitPrice: object; pence: number } => {
      const pence = this.#random.between(1, 5000);
      return { sku: `sku-${this.#random.between(1, articles)}`, quantity: this.#random.between(1, 9), unitPrice: money(pence), pence };
    };
    const items = Array.from({ length: this.#random.between(1, 3) }, item);
    for (const { sku, quantity, pence } of items) {
      const sum = this.#sums.get(sku) ?? { units: 0, pence: 0 };
      this.#sums.set(sku, { units: sum.units + quantity, pence: sum.pence + quantity * pence });
    }
    return {
      eventType: "order.created",
      eventId: orderId,
      data: {
        orderId,
        customerId: `customer-${this.#random.between(1, 1000)}`,
        items: items.map(({ sku, quantity, unitPrice }) => ({ sku, quantity, unitPrice })),
        total: money(items.reduce((sum, { quantity, pence }) => sum + quantity * pence, 0)),
        shippingAddress: { country: "United Kingdom" },
        paymentMethod: { type: "card", cardId: "card-1" },
      },
    };
  }
}

const money = (pence: number): object => ({ amount: (pence / 100).toFixed(2), currency: "GBP" });
