import { topicOf } from "#schemas/event-registry.ts";
import { eventIdOf, placeOf } from "../event-id.ts";
import type { RunNames } from "../round.ts";
import type { SentByUser, SentEvents } from "./sent-events.ts";

/** A record as the log has it, with the id of the event in it. */
export type ReadRecord = { readonly topic: string; readonly partition: number; readonly key: string | null; readonly eventId: string };

export type LogVerdict = {
  /** Events that were answered `accepted` (or `duplicate`, which says the same). */
  readonly accepted: number;
  /** Records of this run on the log. */
  readonly records: number;
  readonly keys: number;
  /** Accepted, and not on the log. */
  readonly lost: number;
  /** Records of events that are there more than once, but for the first. */
  readonly doubled: number;
  /** Events that stand behind one of their key that was sent later. */
  readonly disordered: number;
  /** On the log, though answered `rejected` or `retry`. */
  readonly unasked: number;
  /** Records that nobody sent so: an id that was not sent, another topic or key, a key in two partitions. */
  readonly strange: number;
  /** Events whose answer did not come; they may be on the log, once. */
  readonly unknown: { readonly sent: number; readonly stored: number };
  readonly good: boolean;
  /** Of what is wrong, the first few, in words. */
  readonly examples: readonly string[];
};

const mostExamples = 10;

/** Compares what is on the log with what k6 was told. Records are taken in the order of each partition. [LT1–LT4] */
export class LogJudge {
  readonly #sent: SentEvents;
  readonly #names: RunNames;
  readonly #seen = new Map<number, Uint8Array>();
  readonly #lastOf = new Map<string, { readonly partition: number; event: number }>();
  readonly #examples: string[] = [];
  #records = 0;
  #doubled = 0;
  #disordered = 0;
  #strange = 0;

  constructor(sent: SentEvents, names: RunNames) {
    this.#sent = sent;
    this.#names = names;
    for (const [user, { events }] of sent.users) this.#seen.set(user, new Uint8Array(events.length));
  }

  take(record: ReadRecord): void {
    const { run, batch } = this.#names;
    const { topic, key, partition, eventId } = record;
    if (!eventId.startsWith(`${run}.`)) return;
    this.#records += 1;
    const place = placeOf(run, batch, eventId);
    const user = place === undefined ? undefined : this.#sent.users.get(place.user);
    const event = place === undefined || user === undefined ? -1 : (place.request - user.first) * batch + place.index;
    const sent = user?.events[event];
    if (place === undefined || sent === undefined) return this.#isStrange(`${eventId} in ${topic} was never sent`);
    if (topicOf(sent.eventType) !== topic || sent.key !== key)
      return this.#isStrange(`${eventId} is in ${topic} by the key ${key}, not in ${topicOf(sent.eventType)} by ${sent.key}`);
    const seen = this.#seen.get(place.user)!;
    if (seen[event]! > 0) {
      this.#doubled += 1;
      this.#example(`${eventId} is in ${topic} more than once`);
      return;
    }
    seen[event] = 1;
    const name = `${topic} ${key}`;
    const last = this.#lastOf.get(name);
    if (last === undefined) this.#lastOf.set(name, { partition, event });
    else if (last.partition !== partition)
      this.#isStrange(`the key ${key} of ${topic} is in partitions ${last.partition} and ${partition}`);
    else if (event < last.event) {
      this.#disordered += 1;
      this.#example(`${eventId} is in ${topic} behind a later event of ${key}`);
    } else last.event = event;
  }

  verdict(): LogVerdict {
    const counts = { accepted: 0, lost: 0, unasked: 0, unknownSent: 0, unknownStored: 0 };
    for (const [user, sent] of this.#sent.users) this.#count(user, sent, counts);
    const { accepted, lost, unasked, unknownSent, unknownStored } = counts;
    const [doubled, disordered, strange] = [this.#doubled, this.#disordered, this.#strange];
    return {
      accepted,
      records: this.#records,
      keys: this.#lastOf.size,
      lost,
      doubled,
      disordered,
      unasked,
      strange,
      unknown: { sent: unknownSent, stored: unknownStored },
      good: lost + doubled + disordered + unasked + strange === 0,
      examples: this.#examples,
    };
  }

  #count(
    user: number,
    { first, outcomes, events }: SentByUser,
    counts: { accepted: number; lost: number; unasked: number; unknownSent: number; unknownStored: number },
  ): void {
    const { batch, run } = this.#names;
    const seen = this.#seen.get(user)!;
    for (const [event, outcome] of outcomes.entries()) {
      const stored = seen[event]! > 0;
      const named = (): string => eventIdOf(run, batch, { user, request: first + Math.floor(event / batch), index: event % batch });
      if (outcome === "a" || outcome === "d") {
        counts.accepted += 1;
        if (stored) continue;
        counts.lost += 1;
        this.#example(`${named()} was accepted and is not in ${topicOf(events[event]!.eventType)}`);
      } else if (outcome === "u") {
        // The one behind a user's last answer was most likely never sent.
        const sent = stored || event < outcomes.length - batch;
        if (sent) counts.unknownSent += 1;
        if (stored) counts.unknownStored += 1;
      } else if (stored) {
        counts.unasked += 1;
        this.#example(`${named()} was not accepted and is on the log`);
      }
    }
  }

  #isStrange(example: string): void {
    this.#strange += 1;
    this.#example(example);
  }

  #example(text: string): void {
    if (this.#examples.length < mostExamples) this.#examples.push(text);
  }
}

/** The verdict in one line. */
export function verdictLine(verdict: LogVerdict): string {
  const { accepted, lost, doubled, disordered, unasked, strange, unknown, keys } = verdict;
  const count = (n: number): string => n.toLocaleString("en");
  return (
    `${count(accepted)} events of ${count(keys)} keys read back: ${count(lost)} lost, ${count(doubled)} doubled, ${count(disordered)} disordered` +
    (unasked > 0 ? `, ${count(unasked)} stored that were not accepted` : "") +
    (strange > 0 ? `, ${count(strange)} that nobody sent so` : "") +
    (unknown.sent > 0 ? `; ${count(unknown.sent)} without an answer, ${count(unknown.stored)} of them stored` : "")
  );
}
