import type { TaskCommit } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import { type BatchIndex, keyOf, valueOf } from "#broker/record-batch.ts";
import { DeltaReader, deltaOps, type StoreKind } from "#broker/store-delta.ts";

/**
 * A record of a changelog. Its key is `u8 kind (0 key-value, 1 window, 2 expiry of a window store, 3 meta, 4 clear) · u8 nameLength · store · row key`, so that
 * compaction keeps the newest of each; its value is the row's value, 8 bytes of the window's start for an expiry, `u64 number · meta` for a meta.
 * A delete is a tombstone. Behind a clear begins another store of the same name: nothing of it that came before counts. The meta stands last in its commit.
 */
export type ChangelogEntry =
  | {
      readonly kind: "row";
      readonly store: string;
      readonly storeKind: StoreKind;
      /** As rows have it: a window's start stands before the key. A view into what was read. */
      readonly rowKey: Uint8Array;
      /** Null: deleted. A view into what was read. */
      readonly value: Uint8Array | null;
    }
  | { readonly kind: "expiry"; readonly store: string; readonly before: number }
  | { readonly kind: "clear"; readonly store: string }
  | { readonly kind: "meta"; readonly number: bigint; readonly meta: Uint8Array };

/** Records of a changelog as they were fetched; `at` names the place of one. */
export type ChangelogBatch = { readonly index: BatchIndex; readonly at: (record: number) => string };

export const kinds = { "key-value": 0, window: 1, expiry: 2, meta: 3, clear: 4 } as const;
const nothing = Buffer.alloc(0);
const metaKey = Buffer.of(kinds.meta, 0);

/** Writes the records of one task's commit, its meta last. */
export function writeChanges(commit: TaskCommit, write: (key: Uint8Array, value: Uint8Array | null) => void): void {
  for (const { store, bytes } of commit.changes) {
    const where = `${commit.task} ${store} commit ${commit.number}`;
    const reader = new DeltaReader(bytes, (what) => new BrokerError("BROKER_CORRUPT", what, { at: where }));
    const rows = keyPrefix(kinds[reader.kind], store);
    while (reader.next()) {
      if (reader.op === deltaOps.clear) write(keyPrefix(kinds.clear, store), nothing);
      else if (reader.op === deltaOps.expire) write(keyPrefix(kinds.expiry, store), reader.rowKey());
      else write(Buffer.concat([rows, reader.rowKey()]), reader.op === deltaOps.put ? reader.value() : null);
    }
  }
  const meta = Buffer.allocUnsafe(8 + commit.meta.length);
  meta.writeBigUInt64BE(commit.number, 0);
  meta.set(commit.meta, 8);
  write(metaKey, meta);
}

/** What a record says; undefined for one of a kind that this version does not know. @throws {BrokerError} `BROKER_CORRUPT` */
export function readEntry(key: Buffer | null, value: Buffer | null, where: () => string): ChangelogEntry | undefined {
  const broken = (what: string): BrokerError => new BrokerError("BROKER_CORRUPT", `changelog record ${what}`, { at: where() });
  if (key === null || key.length < 2) throw broken("has no key of ours");
  const kind = key[0]!;
  const nameEnd = 2 + key[1]!;
  if (nameEnd > key.length) throw broken("has a key that is cut short");
  const store = key.toString("utf8", 2, nameEnd);
  switch (kind) {
    case kinds["key-value"]:
    case kinds.window:
      return { kind: "row", store, storeKind: kind === kinds.window ? "window" : "key-value", rowKey: key.subarray(nameEnd), value };
    case kinds.expiry:
      if (value?.length !== 8) throw broken("of an expiry has no time");
      return { kind: "expiry", store, before: Number(value.readBigUInt64BE(0)) };
    case kinds.clear:
      return { kind: "clear", store };
    case kinds.meta:
      if (value === null || value.length < 8) throw broken("of a meta has no number");
      return { kind: "meta", number: value.readBigUInt64BE(0), meta: value.subarray(8) };
    default:
      return undefined;
  }
}

/** What the records of batches say, one after the other; views into them. @throws {BrokerError} `BROKER_CORRUPT` */
export function* readEntries(batches: readonly ChangelogBatch[]): Generator<ChangelogEntry, void> {
  for (const { index, at } of batches) {
    for (let i = 0; i < index.count; i++) {
      const entry = readEntry(keyOf(index, i), valueOf(index, i), () => at(i));
      if (entry !== undefined) yield entry;
    }
  }
}

function keyPrefix(kind: number, store: string): Buffer {
  const name = Buffer.from(store);
  if (name.length > 255) throw new RangeError(`the name of store ${store} has ${name.length} bytes; a changelog takes 255`);
  return Buffer.concat([Buffer.of(kind, name.length), name]);
}
