import type { Cell } from "#operators/context.ts";
import { decodeNames, encodeNames } from "./front-coded-names.ts";

/**
 * The durable numbers of a task (stream time, marks, due times, counters that must balance), by name, as the `meta` of its commits: the names as
 * `front-coded-names.ts` has them, then each number as `varint number + 2`, or `0 · f64` for what is no whole number ≥ −1. It is written with
 * every commit, so each byte counts. What belongs to a node that the plan no longer has goes with it.
 */
export class TaskMeta {
  private readonly cells = new Map<string, Cell>();
  /** The counts of nodes, once somebody has asked for them. */
  private named: readonly { readonly node: string; readonly count: string; readonly cell: Cell }[] | undefined;
  /** The names encoded, and the cells in their order. */
  private head: { readonly names: Uint8Array; readonly cells: readonly Cell[] } | undefined;

  constructor(bytes: Uint8Array, nodes: ReadonlySet<string>) {
    for (const [name, value] of decode(bytes)) {
      const node = nodeOf(name);
      if (node === undefined || nodes.has(node)) this.cells.set(name, { value });
    }
  }

  /** The cell of this name, holding what was committed under it or else `initial`. */
  cell(name: string, initial: number): Cell {
    let cell = this.cells.get(name);
    if (cell === undefined) {
      cell = { value: initial };
      this.cells.set(name, cell);
      this.head = undefined;
      this.named = undefined;
    }
    return cell;
  }

  has(name: string): boolean {
    return this.cells.has(name);
  }

  read(name: string): number | undefined {
    return this.cells.get(name)?.value;
  }

  /** All numbers whose names begin with `prefix`. */
  *under(prefix: string): IterableIterator<readonly [name: string, value: number]> {
    for (const [name, { value }] of this.cells) if (name.startsWith(prefix)) yield [name.slice(prefix.length), value];
  }

  /** What is counted of nodes: node, name of the count, number. */
  *counts(): IterableIterator<readonly [node: string, count: string, value: number]> {
    this.named ??= [...this.cells].flatMap(([name, cell]) => {
      const [, node, count] = countPattern.exec(name) ?? [];
      return node === undefined ? [] : [{ node, count: count!, cell }];
    });
    for (const { node, count, cell } of this.named) yield [node, count, cell.value];
  }

  encode(): Uint8Array {
    this.head ??= this.encodeNames();
    const { names, cells } = this.head;
    const bytes = Buffer.allocUnsafe(names.length + mostBytes * cells.length);
    bytes.set(names, 0);
    let at = names.length;
    for (const { value } of cells) at = writeNumber(bytes, at, value);
    return bytes.subarray(0, at);
  }

  private encodeNames(): { readonly names: Uint8Array; readonly cells: readonly Cell[] } {
    const sorted = [...this.cells.keys()].sort();
    return { names: encodeNames(sorted), cells: sorted.map((name) => this.cells.get(name)!) };
  }
}

/** Names of the numbers of nodes; node ids have neither `#` nor `:`. */
export const cellName = (node: string, cell: string): string => `node/${node}:${cell}`;
export const countName = (node: string, count: string): string => `node/${node}#${count}`;
const countPattern = /^node\/([^#:]*)#(.*)$/;
const nodeOf = (name: string): string | undefined => /^node\/([^#:]*)[#:]/.exec(name)?.[1];

/** One of 53 bits. */
const mostBytes = 9;

function writeNumber(bytes: Buffer, from: number, value: number): number {
  let at = from;
  if (!Number.isSafeInteger(value) || value < -1 || value > Number.MAX_SAFE_INTEGER - 2) {
    bytes[at++] = 0;
    return bytes.writeDoubleBE(value, at);
  }
  let rest = value + 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
  bytes[at++] = rest;
  return at;
}

function decode(bytes: Uint8Array): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  if (bytes.length === 0) return values;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer[0] === 0) return decodeUnversioned(buffer);
  const { names, end } = decodeNames(buffer);
  let at = end;
  for (const name of names) {
    if (buffer[at] === 0) {
      values.set(name, buffer.readDoubleBE(at + 1));
      at += mostBytes;
      continue;
    }
    let number = 0;
    let factor = 1;
    for (let more = true; more; factor *= 0x80) {
      const byte = buffer.readUInt8(at++);
      number += (byte & 0x7f) * factor;
      more = byte >= 0x80;
    }
    values.set(name, number - 2);
  }
  return values;
}

/** As commits had it before names were front-coded: `u32 length · names, one a line · f64 each`; the length never takes its first byte. */
function decodeUnversioned(buffer: Buffer): ReadonlyMap<string, number> {
  const valuesAt = 4 + buffer.readUInt32BE(0);
  const names = buffer.toString("utf8", 4, valuesAt).split("\n");
  return new Map(names.map((name, i) => [name, buffer.readDoubleBE(valuesAt + 8 * i)]));
}
