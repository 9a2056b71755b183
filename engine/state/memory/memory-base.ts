import type { StoreDelta } from "#broker/broker.ts";
import type { BaseRow, BaseStore, CommittedDelta, StateBase } from "#state/base.ts";
import { SortedKeys } from "#state/sorted-keys.ts";
import { StateError } from "#state/state-error.ts";
import type { StoreSpec } from "#state/store.ts";

/** What would be on disk of one task: encoded deltas and rows, so that a test that restarts goes through every codec. */
export class MemoryBase implements StateBase {
  readonly tellsExpired = false;
  folded = 0n;
  /** Nothing is restored from what was said here. */
  readonly forgotten: readonly string[] = [];
  private number = 0n;
  private deltas: CommittedDelta[] = [];
  private readonly stores = new Map<string, MemoryStore>();
  /** Writes of the transaction under way. */
  private writes: (() => void)[] | undefined;

  /** The commit that makes changes durable. */
  commit(number: bigint, changes: readonly StoreDelta[]): void {
    if (number <= this.number) throw new StateError("STATE_COMMIT_ORDER", `commit ${number} does not follow ${this.number}`);
    this.number = number;
    for (const { store, bytes } of changes) this.deltas.push({ number, store, bytes: new Uint8Array(bytes) });
  }

  /** Forgets all other stores, as if they had never been. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.stores.keys()) if (!names.has(name)) this.stores.delete(name);
  }

  tail(): readonly CommittedDelta[] {
    return this.deltas.filter(({ number }) => number > this.folded);
  }

  store(name: string, kind: StoreSpec["kind"]): BaseStore {
    const found = this.stores.get(name);
    if (found === undefined) {
      const made = new MemoryStore(kind, this.number, (write) => this.write(write));
      this.stores.set(name, made);
      return made;
    }
    if (found.kind !== kind) throw new StateError("STATE_STORE_MISMATCH", `store "${name}" is a ${found.kind} store, not a ${kind} store`);
    return found;
  }

  transaction<T>(work: () => T): T {
    const writes: (() => void)[] = (this.writes = []);
    try {
      const result = work();
      for (const write of writes) write();
      return result;
    } finally {
      this.writes = undefined;
    }
  }

  markTold(): void {}

  markFolded(number: bigint): void {
    this.write(() => (this.folded = number));
  }

  tidy(): boolean {
    this.deltas = this.deltas.filter(({ number }) => number > this.folded);
    return false;
  }

  private write(write: () => void): void {
    if (this.writes === undefined) throw new Error("a write to the base outside of a transaction");
    this.writes.push(write);
  }
}

class MemoryStore implements BaseStore {
  readonly kind: StoreSpec["kind"];
  readonly since: bigint;
  expired = 0;
  private readonly write: (write: () => void) => void;
  /** By the key's bytes as Latin-1, whose order is that of bytes. */
  private readonly rows = new Map<string, Uint8Array>();
  private readonly order = new SortedKeys();

  constructor(kind: StoreSpec["kind"], since: bigint, write: (write: () => void) => void) {
    this.kind = kind;
    this.since = since;
    this.write = write;
  }

  get empty(): boolean {
    return this.rows.size === 0;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.rows.get(binary(key));
  }

  page(from: Uint8Array, to: Uint8Array | undefined, limit: number): readonly BaseRow[] {
    const end = to === undefined ? undefined : binary(to);
    const rows: BaseRow[] = [];
    const cursor = this.order.cursor(binary(from));
    for (let key = cursor.peek(); key !== undefined && rows.length < limit && (end === undefined || key < end); key = cursor.peek()) {
      rows.push({ key: Buffer.from(key, "latin1"), value: this.rows.get(key)! });
      cursor.pass(key);
    }
    return rows;
  }

  keys(from: Uint8Array, to: Uint8Array, limit: number): readonly Uint8Array[] {
    return this.page(from, to, limit).map(({ key }) => key);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const row = binary(key);
    const copy = new Uint8Array(value);
    this.write(() => {
      if (!this.rows.has(row)) this.order.add(row);
      this.rows.set(row, copy);
    });
  }

  delete(key: Uint8Array): void {
    const row = binary(key);
    this.write(() => {
      if (this.rows.delete(row)) this.order.delete(row);
    });
  }

  deleteBefore(to: Uint8Array, limit: number): number {
    const rows = this.page(new Uint8Array(0), to, limit);
    for (const { key } of rows) this.delete(key);
    return rows.length;
  }

  markExpired(before: number): void {
    this.write(() => (this.expired = before));
  }
}

const binary = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
