import type { BaseRow } from "#state/base.ts";
import { RestoredFile } from "./restored-file.ts";
import { RestoredKeys, type RowColumns } from "./restored-keys.ts";
import { RestoredOrder } from "./restored-order.ts";

export type RestoredEnds = { readonly values: number; readonly keys: number };
export type RowBounds = { readonly from: Uint8Array; readonly to: Uint8Array | undefined; readonly limit: number };

/** Words in front of a block of the file of keys. */
const blockWords = 4;

/**
 * Rows of one task as its changelog gave them back: values lie in a file as they were fetched, keys in memory and in a second file, by blocks
 * `i32 rows · i32 changed · i32 key bytes · i32 0`, their columns, and those of rows of earlier blocks that changed. They lie behind the table of rows: what that
 * has is newer.
 */
export class RestoredRows {
  readonly keys: RestoredKeys;
  private readonly values: RestoredFile;
  private readonly keyFile: RestoredFile;
  private ordered: RestoredOrder | undefined;

  /** Reads what lies there of an earlier process; makes room for so many rows. @throws {BrokerError} `BROKER_IO`, `BROKER_CORRUPT` */
  constructor(path: string, ends: RestoredEnds, rows?: number) {
    this.keys = new RestoredKeys(rows);
    this.values = new RestoredFile(`${path}.values`, ends.values);
    this.keyFile = new RestoredFile(`${path}.keys`, ends.keys);
    this.load();
  }

  get ends(): RestoredEnds {
    return { values: this.values.end, keys: this.keyFile.end };
  }

  /** Writes bytes that hold values; answers where they lie. */
  append(parts: readonly Uint8Array[]): number {
    return this.values.append(parts);
  }

  /** Writes the keys that came since; they count once `ends` is noted somewhere durable. */
  keep(): void {
    const { keys } = this;
    const { kept } = keys;
    const rows = keys.count - kept;
    if (rows === 0 && keys.changed.size === 0) return;
    const first = rows === 0 ? keys.keyBytes : keys.keyStarts[kept]!;
    const changed = Int32Array.from(keys.changed);
    const parts = [
      Int32Array.of(rows, changed.length, keys.keyBytes - first, 0),
      Float64Array.from(changed, (row) => keys.valueStarts[row]!),
      keys.valueStarts.subarray(kept, keys.count),
      changed,
      Int32Array.from(changed, (row) => keys.valueLengths[row]!),
      ...[keys.stores, keys.keyLengths, keys.valueLengths].map((column) => column.subarray(kept, keys.count)),
      keys.keys.subarray(first, keys.keyBytes),
      Buffer.alloc(padding(changed.length * 8 + rows * 12 + keys.keyBytes - first)),
    ];
    this.keyFile.append(parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
    keys.kept = keys.count;
    keys.changed.clear();
  }

  get(store: number, key: Uint8Array): Buffer | undefined {
    const row = this.keys.find(store, key);
    return row < 0 || !this.keys.isLive(row) ? undefined : this.valueOf(row);
  }

  valueOf(row: number): Buffer {
    return this.values.read(this.keys.valueStarts[row]!, this.keys.valueLengths[row]!);
  }

  /** At most `limit` rows of a store, in order of their keys; without their values unless they are asked for. */
  page(store: number, { from, to, limit }: RowBounds): readonly number[] {
    const rows: number[] = [];
    for (const row of this.order().from(store, from)) {
      if (rows.length === limit || this.keys.stores[row] !== store) break;
      if (to !== undefined && this.keys.compareTo(row, store, to) >= 0) break;
      rows.push(row);
    }
    return rows;
  }

  rowOf(row: number): BaseRow {
    return { key: Buffer.from(this.keys.keyOf(row)), value: this.valueOf(row) };
  }

  /** Splits the order a little further; true when it stands. */
  prepareOrder(rows: number): boolean {
    return (this.ordered ??= new RestoredOrder(this.keys)).prepare(rows);
  }

  /** Live rows in order from one on. */
  from(store: number, key: Uint8Array): Generator<number, void> {
    return this.order().from(store, key);
  }

  sync(): Promise<boolean> {
    return Promise.all([this.values.sync(), this.keyFile.sync()]).then((both) => both.every(Boolean));
  }

  close(): void {
    this.values.close();
    this.keyFile.close();
  }

  delete(): void {
    this.values.delete();
    this.keyFile.delete();
  }

  private order(): RestoredOrder {
    return (this.ordered ??= new RestoredOrder(this.keys));
  }

  private load(): void {
    const bytes = this.keyFile.read(0, this.keyFile.end);
    const { buffer, byteOffset } = aligned(bytes);
    for (let at = 0; at < bytes.length;) {
      const [rows, changed, keyBytes] = new Int32Array(buffer, byteOffset + at, blockWords);
      at += blockWords * 4;
      const doubles = (count: number): Float64Array => {
        const column = new Float64Array(buffer, byteOffset + at, count);
        at += count * 8;
        return column;
      };
      const words = (count: number): Int32Array => {
        const column = new Int32Array(buffer, byteOffset + at, count);
        at += count * 4;
        return column;
      };
      const changedStarts = doubles(changed!);
      const valueStarts = doubles(rows!);
      const changedRows = words(changed!);
      const changedLengths = words(changed!);
      changedRows.forEach((row, i) => this.keys.reload(row, changedStarts[i]!, changedLengths[i]!));
      const columns: RowColumns = {
        valueStarts,
        stores: words(rows!),
        keyLengths: words(rows!),
        valueLengths: words(rows!),
      };
      this.keys.load(columns, new Uint8Array(buffer, byteOffset + at, keyBytes!));
      at += keyBytes! + padding(changed! * 8 + rows! * 12 + keyBytes!);
    }
  }
}

const padding = (bytes: number): number => -bytes & 7;

/** Doubles lie at multiples of eight. */
const aligned = (bytes: Buffer): Buffer => {
  if (bytes.byteOffset % 8 === 0) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
};
