import type { StoreDelta } from "./broker.ts";
import { DeltaReader, DeltaWriter } from "./store-delta.ts";

const changes = new DeltaWriter();
/** A change of one store: a text as a key that has itself as its value. */
export function changeOf(store: string, text: string): StoreDelta {
  changes.begin("key-value");
  changes.put(-1, text, Buffer.from(text));
  return { store, bytes: changes.take() };
}

/** The texts of changes that `changeOf` made. */
export function textsOf(deltas: Iterable<StoreDelta>): string[] {
  const texts: string[] = [];
  for (const { store, bytes } of deltas) {
    const reader = new DeltaReader(bytes, (what) => new Error(what));
    while (reader.next()) texts.push(`${store}=${Buffer.from(reader.value()).toString()}`);
  }
  return texts;
}
