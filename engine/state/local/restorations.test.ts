import { expect, test } from "vitest";
import { type StoreDelta, taskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { type ChangelogBatch, writeChanges } from "#broker/kafka/changelog/changelog-entry.ts";
import { DeltaWriter } from "#broker/store-delta.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { reusingCodec, type Value } from "#state/state-harness.ts";
import { keyValueStore, windowStore, type StoreSpec } from "#state/store.ts";
import { batchesOf } from "./changelogs-in-memory.ts";
import { LocalState } from "./local-state.ts";

const task = taskId("orders", 3);
const codec = reusingCodec();
const keyed = keyValueStore(codec);
const windowed = windowStore(codec);
const ways = { "by a tail": 10n, "by rows": 1_000_000n } as const;

function openTest(): {
  database: EmbeddedDatabase;
  local: LocalState;
  stored: (stores: Record<string, StoreSpec>) => Record<string, string[]>;
} {
  const database = new EmbeddedDatabase(":memory:");
  const local = new LocalState(database);
  const stored = (stores: Record<string, StoreSpec>): Record<string, string[]> => {
    const state = embeddedStateStorage(database).open(task, stores);
    const keysOf = (name: string, { kind }: StoreSpec): string[] =>
      kind === "window"
        ? [...state.window<Value>(name).range(0, 1e9)].map(([, key]) => key)
        : [...state.keyValue<Value>(name).range()].map(([key]) => key);
    return Object.fromEntries(Object.entries(stores).map(([name, spec]) => [name, keysOf(name, spec)]));
  };
  return { database, local, stored };
}

const writer = new DeltaWriter();
type Change = { readonly store?: string; readonly kind?: StoreSpec["kind"]; readonly clear?: true; readonly put?: readonly string[] };

function deltaOf({ store = "s", kind = "key-value", clear, put = [] }: Change): StoreDelta {
  writer.begin(kind);
  if (clear === true) writer.clear();
  for (const key of put) writer.put(kind === "window" ? 1 : -1, key, codec.encode({ n: 1, text: key }));
  return { store, bytes: writer.take() };
}
const commitOf = (number: bigint, ...changes: readonly Change[]) => ({
  task,
  number,
  next: [],
  meta: Buffer.from(`meta ${number}`),
  changes: changes.map(deltaOf),
  outputs: [],
});

function recordsOf(...commits: readonly ReturnType<typeof commitOf>[]): ChangelogBatch[] {
  const records: { key: Uint8Array; value: Uint8Array | null }[] = [];
  for (const commit of commits)
    writeChanges(commit, (key, value) => void records.push({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }));
  return batchesOf(records);
}
const write = (local: LocalState, number: bigint, ...changes: readonly Change[]): void =>
  local.write([{ commit: commitOf(number, ...changes), next: number * 10n, changelog: "id", atMs: 1000 }]);
async function restore(local: LocalState, behind: bigint, ...commits: readonly ReturnType<typeof commitOf>[]): Promise<void> {
  const restoration = local.restore(task, { id: "id", behind, atMs: 9000 });
  const { number } = commits.at(-1)!;
  await restoration.apply(recordsOf(...commits), number * 10n);
  restoration.finish(number * 10n);
}

for (const [way, behind] of Object.entries(ways)) {
  test(`[K82] a store that was forgotten and declared as one of another kind is restored ${way}`, async () => {
    const { local, stored } = openTest();
    write(local, 1n, { put: ["old"] });
    stored({ s: keyed });
    await restore(
      local,
      behind,
      commitOf(2n, { put: ["older"] }),
      commitOf(3n, { clear: true }),
      commitOf(4n, { kind: "window", put: ["new"] }),
    );
    expect(stored({ s: windowed })).toEqual({ s: ["new"] });
  });

  test(`[K82] what a store held before it was forgotten here does not rise again when one of its name is restored ${way}`, async () => {
    const { local, stored } = openTest();
    stored({ s: keyed, t: keyed });
    write(local, 1n, { put: ["old"] }, { store: "t", put: ["kept"] });
    stored({ t: keyed });
    write(local, 2n, { clear: true });
    await restore(local, behind, commitOf(3n, { put: ["new"] }));
    expect(stored({ s: keyed, t: keyed })).toEqual({ s: ["new"], t: ["kept"] });
  });
}

test("[K82] a restore that was cut off is as old as what it began with", async () => {
  const { local } = openTest();
  write(local, 1n, { put: ["a"] });
  const begun = (atMs: number) => local.restore(task, { id: "id", behind: ways["by rows"], atMs });
  await begun(5000).apply(recordsOf(commitOf(2n, { put: ["b"] })), 20n);
  expect(local.read(task)).toMatchObject({ whole: false, writtenAtMs: 1000 });
  await begun(6000).apply(recordsOf(commitOf(3n, { put: ["c"] })), 30n);
  expect(local.read(task)).toMatchObject({ whole: false, writtenAtMs: 1000 });
  const last = begun(7000);
  await last.apply(recordsOf(commitOf(3n, { put: ["c"] })), 30n);
  last.finish(30n);
  expect(local.read(task)).toMatchObject({ whole: true, writtenAtMs: 7000 });
  local.forget(task);
  await begun(8000).apply(recordsOf(commitOf(1n, { put: ["a"] })), 10n);
  await begun(9000).apply(recordsOf(commitOf(2n, { put: ["b"] })), 20n);
  expect(local.read(task)).toMatchObject({ whole: false, writtenAtMs: 8000 });
});

test("[K82] a copy from which a store was forgotten says so", () => {
  const { local, stored } = openTest();
  stored({ s: keyed, t: keyed });
  write(local, 1n, { put: ["old"] });
  expect(local.hasUntold(task)).toBe(false);
  stored({ t: keyed });
  expect(local.hasUntold(task)).toBe(true);
  local.forget(task);
  expect(local.hasUntold(task)).toBe(false);
});
