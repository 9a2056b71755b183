import type { StoreDelta, TaskId } from "#broker/broker.ts";
import type { StateBase } from "./base.ts";
import { Cache } from "./cache.ts";
import { DeltaReader, deltaOps, DeltaWriter } from "#broker/store-delta.ts";
import { Folding } from "./folding.ts";
import { Generation } from "./generation.ts";
import { LiveKeyValue } from "./live-key-value.ts";
import type { LiveStore } from "./live-store.ts";
import { LiveWindow } from "./live-window.ts";
import { StateError } from "./state-error.ts";
import type { KeyValueStore, StoreSpec, WindowStore } from "./store.ts";
import type { TaskState, TaskStateLimits } from "./task-state.ts";

/** Rows of expired windows that one commit tells of, beside one for each entry of its own: as fast as rows come, they go. */
const toldAtLeast = 256;
/** Rows of expired windows that one call of `fold` deletes, for each entry it may fold. */
const trimmedPerEntry = 4;

export type LiveTaskParts = {
  readonly base: StateBase;
  readonly stores: Readonly<Record<string, StoreSpec>>;
  /** Given what the task uses; may change while the task is open. */
  readonly limits: (own: Readonly<TaskStateLimits>) => TaskStateLimits;
  readonly closed: (state: TaskState) => void;
};

/** The state of one task, the same over every base: stores in memory, a tail of two generations at most (one open, one being folded). */
export class LiveTask implements TaskState {
  readonly task: TaskId;
  private readonly base: StateBase;
  private readonly parts: LiveTaskParts;
  private readonly cache: Cache;
  private readonly stores = new Map<string, LiveStore>();
  private readonly writer = new DeltaWriter();
  private readonly foldedAtOpening: bigint;
  private number: bigint;
  private open: Generation;
  private folding: Folding | undefined;
  private taken: { readonly entries: number; readonly bytes: number; readonly stores: readonly string[] } | undefined;
  /** The commits that changed each store last, as far as they are known. */
  private readonly changed = new Map<string, bigint>();
  private toldForgotten = false;
  private closed = false;

  constructor(task: TaskId, parts: LiveTaskParts) {
    this.task = task;
    this.base = parts.base;
    this.parts = parts;
    this.cache = new Cache(
      () => parts.limits(this.usage).cachedEntries,
      () => this.stores.values(),
    );
    this.number = this.foldedAtOpening = parts.base.folded;
    this.open = new Generation(1, this.number);
    for (const [name, spec] of Object.entries(parts.stores)) {
      const { codec } = spec;
      const storeParts = {
        name: `${task} ${name}`,
        codec,
        base: this.base.store(name, spec.kind),
        cache: this.cache,
        tellsExpired: this.base.tellsExpired,
      };
      this.stores.set(name, spec.kind === "window" ? new LiveWindow(storeParts) : new LiveKeyValue(storeParts));
    }
    this.readTail();
  }

  keyValue<V>(store: string): KeyValueStore<V> {
    const found = this.stores.get(store);
    if (!(found instanceof LiveKeyValue)) throw this.unknownStore(store, "key-value");
    return found as KeyValueStore<unknown> as KeyValueStore<V>;
  }

  window<V>(store: string): WindowStore<V> {
    const found = this.stores.get(store);
    if (!(found instanceof LiveWindow)) throw this.unknownStore(store, "window");
    return found as WindowStore<unknown> as WindowStore<V>;
  }

  /** What the task has of the limits that tasks share. */
  get usage(): TaskStateLimits {
    const folding = this.folding?.generation;
    return {
      tailEntries: this.open.entries + (folding?.entries ?? 0),
      tailBytes: this.open.bytes + (folding?.bytes ?? 0),
      cachedEntries: this.cache.count,
    };
  }

  get dirtyCount(): number {
    let count = this.base.forgotten.length;
    for (const store of this.stores.values()) count += store.dirtyCount;
    return count;
  }

  takeChanges(): readonly StoreDelta[] {
    this.assertOpen();
    if (this.taken !== undefined)
      throw new StateError("STATE_COMMIT_ORDER", "changes were taken before and are not committed", { at: this.task });
    const changes: StoreDelta[] = [];
    const { forgotten } = this.base;
    let entries = 0;
    let bytes = 0;
    let telling = toldAtLeast + this.dirtyCount;
    for (const store of new Set([...forgotten, ...this.stores.keys()])) {
      const live = this.stores.get(store);
      const clears = forgotten.includes(store);
      if (!clears && live?.dirtyCount === 0 && !live.untold) continue;
      this.writer.begin(live?.kind ?? "key-value");
      if (clears) this.writer.clear();
      live?.take(this.writer);
      telling -= live?.tell(this.writer, telling) ?? 0;
      if (this.writer.count === 0) continue;
      const delta = this.writer.take();
      entries += this.writer.count;
      bytes += delta.length;
      changes.push({ store, bytes: delta });
    }
    this.toldForgotten = forgotten.length > 0;
    this.taken = { entries, bytes, stores: changes.map(({ store }) => store) };
    return changes;
  }

  committed(number: bigint): void {
    this.assertOpen();
    if (number <= this.number)
      throw new StateError("STATE_COMMIT_ORDER", `commit ${number} does not follow ${this.number}`, { at: this.task });
    this.number = number;
    const { open, taken } = this;
    open.upTo = number;
    if (taken === undefined) return;
    this.taken = undefined;
    if (this.toldForgotten) this.base.markTold();
    open.entries += taken.entries;
    open.bytes += taken.bytes;
    for (const store of taken.stores) this.changed.set(store, number);
    for (const store of this.stores.values()) store.committed((entry) => open.add(entry));
    this.closeFull();
  }

  changedAt(store: string): bigint {
    const changed = this.changed.get(store) ?? this.foldedAtOpening;
    // One that took the place of another was empty from then on, which no commit may have told yet.
    const since = this.stores.get(store)?.base.since ?? 0n;
    return since > 0n && since >= changed ? since + 1n : changed;
  }

  get mustFold(): boolean {
    return this.folding !== undefined && this.isFull(this.open) && this.folding.able;
  }

  fold(entries: number): number {
    this.assertOpen();
    const { folding } = this;
    if (folding !== undefined && folding.fold(entries, () => this.markExpired())) {
      this.folding = undefined;
      this.closeFull();
    }
    this.cache.makeRoom(entries);
    this.trim(entries);
    this.base.tidy();
    return this.folding?.left ?? 0;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.parts.closed(this);
  }

  private readTail(): void {
    const deltas = this.base.tail().map((delta) => ({
      ...delta,
      reader: new DeltaReader(delta.bytes, (what) => brokenDelta(what, `${this.task} ${delta.store} commit ${delta.number}`)),
    }));
    // Cut where it would have been cut while it was written, so that no restart makes a generation larger.
    for (const { store, number } of deltas) this.changed.set(store, number);
    const cut = deltas.findIndex(({ number, reader, bytes }) => {
      if (number !== this.open.upTo && this.isFull(this.open)) return true;
      this.open.entries += reader.count;
      this.open.bytes += bytes.length;
      this.open.upTo = this.number = number;
      return false;
    });
    const older = this.open;
    if (cut >= 0) {
      this.open = new Generation(older.number + 1, older.upTo);
      for (const { number, reader, bytes } of deltas.slice(cut)) {
        this.open.entries += reader.count;
        this.open.bytes += bytes.length;
        this.open.upTo = this.number = number;
      }
    }
    // The newest delta of a key counts, so it comes first and no value is decoded in vain.
    for (let i = deltas.length - 1; i >= 0; i--) {
      const { store, number, reader } = deltas[i]!;
      const live = this.stores.get(store);
      if (live === undefined || number <= live.base.since) continue;
      if (live.kind !== reader.kind)
        throw new StateError("STATE_CORRUPT", `delta is of a ${reader.kind} store`, { at: `${live.name} commit ${number}` });
      const generation = cut >= 0 && i < cut ? older : this.open;
      while (reader.next()) {
        const entry = reader.op === deltaOps.clear ? undefined : live.restore(reader);
        if (entry !== undefined) generation.add(entry);
      }
    }
    if (cut >= 0) this.folding = new Folding(older, this.base);
    else this.closeFull();
  }

  private isFull({ entries, bytes, keys }: Generation): boolean {
    const { tailEntries, tailBytes, cachedEntries } = this.parts.limits(this.usage);
    return entries * 2 >= tailEntries || bytes * 2 >= tailBytes || keys >= Math.max(1, cachedEntries * 0.4);
  }

  /** A generation of no entries is never full. */
  private closeFull(): void {
    const { open } = this;
    if (this.folding !== undefined || open.entries === 0 || !this.isFull(open)) return;
    this.folding = new Folding(open, this.base);
    this.open = new Generation(open.number + 1, open.upTo);
  }

  private markExpired(): void {
    for (const store of this.stores.values()) store.markExpired();
  }

  private trim(entries: number): void {
    for (const store of this.stores.values()) {
      if (!store.untrimmed) continue;
      this.base.transaction(() => {
        store.markExpired();
        store.trim(entries * trimmedPerEntry);
      });
      return;
    }
  }

  private assertOpen(): void {
    if (this.closed) throw new StateError("STATE_CLOSED", "the state was closed", { at: this.task });
  }

  private unknownStore(store: string, kind: StoreSpec["kind"]): StateError {
    return new StateError("STATE_UNKNOWN_STORE", `the task was opened without a ${kind} store "${store}"`, { at: this.task });
  }
}

const brokenDelta = (what: string, at: string): StateError => new StateError("STATE_CORRUPT", what, { at });
