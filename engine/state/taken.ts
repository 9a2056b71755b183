import type { Codec } from "./codec.ts";
import type { DeltaWriter } from "#broker/store-delta.ts";
import { type Entry, entryFlags } from "./segment.ts";

/** Encodes each dirty entry once. */
export function takeDirty<V>(entries: readonly Entry<V>[], codec: Codec<V>, writer: DeltaWriter): void {
  for (const entry of entries) {
    entry.flags = (entry.flags & ~entryFlags.dirty) | entryFlags.taken;
    if (entry.value === undefined) writer.delete(entry.segment.start, entry.key);
    else writer.put(entry.segment.start, entry.key, codec.encode(entry.value));
  }
}

export function commitTaken<V>(entries: readonly Entry<V>[], each: (entry: Entry<V>) => void): void {
  for (const entry of entries) {
    if (entry.segment.gone) continue;
    entry.flags &= ~entryFlags.taken;
    each(entry);
  }
}
