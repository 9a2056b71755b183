import type { Cell } from "#operators/context.ts";

/**
 * The durable numbers of a task (stream time, marks, due times, counters that must balance), by name, as the `meta` of its commits:
 * `u32 length · names, one a line · f64 each`. What belongs to a node that the plan no longer has goes with it.
 */
export class TaskMeta {
  private readonly cells = new Map<string, Cell>();
  private head: Buffer | undefined;

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

  encode(): Uint8Array {
    this.head ??= headOf([...this.cells.keys()].join("\n"));
    const bytes = Buffer.allocUnsafe(this.head.length + 8 * this.cells.size);
    bytes.set(this.head, 0);
    let at = this.head.length;
    for (const cell of this.cells.values()) at = bytes.writeDoubleBE(cell.value, at);
    return bytes;
  }
}

/** Names of the numbers of nodes; node ids have neither `#` nor `:`. */
export const cellName = (node: string, cell: string): string => `node/${node}:${cell}`;
export const countName = (node: string, count: string): string => `node/${node}#${count}`;
const nodeOf = (name: string): string | undefined => /^node\/([^#:]*)[#:]/.exec(name)?.[1];

function headOf(names: string): Buffer {
  const head = Buffer.allocUnsafe(4 + Buffer.byteLength(names));
  head.writeUInt32BE(head.length - 4, 0);
  head.write(names, 4);
  return head;
}

function decode(bytes: Uint8Array): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  if (bytes.length < 4) return values;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const valuesAt = 4 + buffer.readUInt32BE(0);
  const names = buffer.toString("utf8", 4, valuesAt).split("\n");
  names.forEach((name, i) => values.set(name, buffer.readDoubleBE(valuesAt + 8 * i)));
  return values;
}
