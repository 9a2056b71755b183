import { taskId } from "#broker/broker.ts";
import { reusingCodec, type Value } from "#state/state-harness.ts";
import { type KeyValueStore, keyValueStore, type WindowStore, windowStore } from "#state/store.ts";

export const crashTask = taskId("crash", 0);
export const crashSpecs = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };
export const crashLimits = { tailEntries: 200, cachedEntries: 20 };

export type CrashStores = {
  readonly totals: Pick<KeyValueStore<Value>, "put" | "delete">;
  readonly perMinute: Pick<WindowStore<Value>, "put" | "expire">;
};

/** What commit `number` does; the same in the process that is killed and in the one that looks at what is left. */
export function workOf(number: number, { totals, perMinute }: CrashStores): void {
  for (let i = 0; i < 20; i++) {
    const key = `key ${(number * 31 + i * i * 7) % 211}`;
    if ((number + i) % 6 === 0) totals.delete(key);
    else totals.put(key, { n: number, text: `by ${number}` });
    perMinute.put(key, Math.floor(number / 4) * 60_000, { n: number, text: "" });
  }
  if (number % 10 === 0) perMinute.expire((number / 4 - 8) * 60_000);
}
