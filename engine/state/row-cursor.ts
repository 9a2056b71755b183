import type { BaseRow, BaseStore } from "./base.ts";

/** Reads rows of the base in pages, so that no statement stays open between two steps. */
export class RowCursor {
  private readonly base: BaseStore;
  private readonly to: Uint8Array | undefined;
  /** Bytes of a row's key in front of its text. */
  private readonly lead: number;
  private rows: readonly BaseRow[];
  private at = 0;
  private limit = 16;
  private key: string | undefined;

  constructor(base: BaseStore, range: { readonly from: Uint8Array; readonly to: Uint8Array | undefined; readonly lead: number }) {
    this.base = base;
    this.to = range.to;
    this.lead = range.lead;
    this.rows = base.page(range.from, range.to, this.limit);
  }

  /** Text of the key of the row that it stands on; undefined behind the last. */
  peek(): string | undefined {
    if (this.key !== undefined) return this.key;
    if (this.at === this.rows.length) {
      const last = this.rows.at(-1);
      if (last === undefined || this.rows.length < this.limit) return undefined;
      this.limit = Math.min(this.limit * 4, 1024);
      // A zero byte behind a key makes the least key above it.
      this.rows = this.base.page(Buffer.concat([last.key, zero]), this.to, this.limit);
      this.at = 0;
      if (this.rows.length === 0) return undefined;
    }
    const { key } = this.rows[this.at]!;
    this.key = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8", this.lead);
    return this.key;
  }

  value(): Uint8Array {
    return this.rows[this.at]!.value;
  }

  pass(): void {
    this.at += 1;
    this.key = undefined;
  }
}

const zero = Buffer.alloc(1);
