import { eventIdOf } from "../event-id.ts";
import { createShopper, type ShopperEvent } from "../shopper.ts";
import type { Outcome, Told } from "../told-line.ts";

/** How a run's events are made again: by the same rule, as its virtual users made them. */
export type RunNames = { readonly run: string; readonly seed: number; readonly batch: number };

/** What one virtual user sent, in order. Event `n` is event `n % batch` of request `n / batch`. */
export type SentByUser = {
  readonly events: readonly Pick<ShopperEvent, "eventType" | "key">[];
  /** What k6 was told of each; `u` where it wrote nothing, or does not know. */
  readonly outcomes: readonly Outcome[];
};

/** What all of a run's users sent. A request of which k6 wrote nothing was cut off; it may have been the last one. */
export class SentEvents {
  readonly users = new Map<number, SentByUser>();
  readonly #told = new Map<number, Map<number, string>>();
  readonly #names: RunNames;

  constructor(names: RunNames) {
    this.#names = names;
  }

  take(told: Told): void {
    if (told.kind !== "posted") return;
    let requests = this.#told.get(told.user);
    if (requests === undefined) this.#told.set(told.user, (requests = new Map()));
    requests.set(told.request, told.outcomes);
  }

  /** Makes the events again, now that all has been told. */
  finish(): this {
    const { run, seed, batch } = this.#names;
    for (const [user, requests] of this.#told) {
      const shopper = createShopper({ run, seed, user });
      const events: Pick<ShopperEvent, "eventType" | "key">[] = [];
      const outcomes: Outcome[] = [];
      const last = Math.max(...requests.keys()) + 1;
      for (let request = 0; request <= last; request++) {
        const told = requests.get(request);
        for (let index = 0; index < batch; index++) {
          const { eventType, key } = shopper(eventIdOf(run, { user, request, index }), "");
          events.push({ eventType, key });
          outcomes.push(told === undefined ? "u" : told === "" ? "a" : (told[index] as Outcome));
        }
      }
      this.users.set(user, { events, outcomes });
    }
    this.#told.clear();
    return this;
  }
}
