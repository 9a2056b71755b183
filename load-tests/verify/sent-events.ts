import { firstRequestOf, requestsOfRound } from "../event-id.ts";
import { createRound, keyInRound, type RunNames } from "../round.ts";
import type { MadeEvent } from "../shopper.ts";
import type { Outcome, Told } from "../told-line.ts";

/** What one virtual user sent, in order. Event `n` is event `n % batch` of request `first + n / batch`. */
export type SentByUser = {
  readonly first: number;
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

  /** Makes the events again, by the same rule as the virtual users, now that all has been told. */
  finish(): this {
    const { batch } = this.#names;
    const requestsInRound = requestsOfRound(batch);
    for (const [user, requests] of this.#told) {
      const made: MadeEvent[] = [];
      createRound(this.#names, user, (event) => made.push(event));
      const events: MadeEvent[] = [];
      const outcomes: Outcome[] = [];
      const first = firstRequestOf(user, batch);
      const newest = Math.max(...requests.keys()) + 1;
      for (let request = first; request <= newest; request++) {
        const told = requests.get(request);
        const round = Math.floor(request / requestsInRound);
        for (let index = 0; index < batch; index++) {
          const event = made[(request % requestsInRound) * batch + index]!;
          events.push({ eventType: event.eventType, key: keyInRound(event, round) });
          outcomes.push(told === undefined ? "u" : told === "" ? "a" : (told[index] as Outcome));
        }
      }
      this.users.set(user, { first, events, outcomes });
    }
    this.#told.clear();
    return this;
  }
}
