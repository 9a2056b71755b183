import { eventIdOf } from "../event-id.ts";
import { createShopper, type MadeEvent } from "../shopper.ts";
import type { Outcome, Told } from "../told-line.ts";

/** How a run's events are made again: by the same rule, as its virtual users made them. */
export type RunNames = { readonly run: string; readonly seed: number; readonly batch: number };

/** What one virtual user sent, in order. Event `n` is event `n % batch` of request `n / batch`. */
export type SentByUser = {
  readonly events: readonly MadeEvent[];
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
      const { next, last } = createShopper({ run, seed, user });
      const events: MadeEvent[] = [];
      const outcomes: Outcome[] = [];
      const newest = Math.max(...requests.keys()) + 1;
      for (let request = 0; request <= newest; request++) {
        const told = requests.get(request);
        for (let index = 0; index < batch; index++) {
          next(eventIdOf(run, { user, request, index }), "");
          events.push(last());
          outcomes.push(told === undefined ? "u" : told === "" ? "a" : (told[index] as Outcome));
        }
      }
      this.users.set(user, { events, outcomes });
    }
    this.#told.clear();
    return this;
  }
}
