/** An event by the sender's names for it. */
export type EventName = { readonly source: string; readonly eventId: string };
/** Where an event came to lie, its token being `prefix` and `offset`, and when it had come. */
export type StoredAt = { readonly prefix: string; readonly offset: number | bigint; readonly receivedAtMs: number };

const firstSlots = 256;
// An id with more neighbours than this is not remembered: ids made to meet in one place must not slow down all others.
const mostSteps = 128;

/**
 * Ids of stored events by hash, with the text compared where a hash is met. Columns of numbers, and no object an id: in maps of texts a look-up
 * reads cold memory several times, and collecting the garbage around them takes longer than the table saves.
 */
export class StoredIds {
  size = 0;
  /** Hash and slot + 1 in turn, at most half of it full; 0: nothing is there. */
  #table = new Int32Array(4 * firstSlots);
  /** The ids one behind the other, and where each ends. */
  #units = new Uint16Array(36 * firstSlots);
  #ends = new Int32Array(firstSlots);
  #sources = new Int32Array(firstSlots);
  #prefixes = new Int32Array(firstSlots);
  #offsets = new Float64Array(firstSlots);
  #receivedAtMs = new Float64Array(firstSlots);
  readonly #sourceTexts = new Texts();
  readonly #prefixTexts = new Texts();
  /** Offsets that no number holds. */
  readonly #wide = new Map<number, bigint>();

  /** `hash` is of the id, here and in `set` alike. */
  get(name: EventName, hash: number): StoredAt | undefined {
    const at = this.#find(name, hash);
    const slot = at < 0 ? -1 : this.#table[at + 1]! - 1;
    if (slot < 0) return undefined;
    const offset = this.#wide.get(slot) ?? this.#offsets[slot]!;
    return { prefix: this.#prefixTexts.list[this.#prefixes[slot]!]!, offset, receivedAtMs: this.#receivedAtMs[slot]! };
  }

  set(name: EventName, hash: number, { prefix, offset, receivedAtMs }: StoredAt): void {
    const { eventId } = name;
    const slot = this.size;
    const from = this.#startOf(slot);
    const end = from + eventId.length;
    if (slot === this.#ends.length) this.#grow();
    if (end > this.#units.length) this.#units = grown(this.#units, Math.max(end, 2 * this.#units.length));
    const at = this.#find(name, hash);
    if (at < 0) return;
    for (let i = 0; i < eventId.length; i++) this.#units[from + i] = eventId.charCodeAt(i);
    this.#ends[slot] = end;
    this.#sources[slot] = this.#sourceTexts.numberOf(name.source);
    this.#prefixes[slot] = this.#prefixTexts.numberOf(prefix);
    if (typeof offset === "number") this.#offsets[slot] = offset;
    else this.#wide.set(slot, offset);
    this.#receivedAtMs[slot] = receivedAtMs;
    this.#table[at] = hash;
    this.#table[at + 1] = slot + 1;
    this.size = slot + 1;
  }

  /** The place in the table where the id is, or would be; -1 when all those near are taken. */
  #find(name: EventName, hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let at = (hash << 1) & mask, steps = 0; steps < mostSteps; at = (at + 2) & mask, steps++) {
      const slot = table[at + 1]! - 1;
      if (slot < 0 || (table[at] === hash && this.#is(slot, name))) return at;
    }
    return -1;
  }

  #is(slot: number, { source, eventId }: EventName): boolean {
    const from = this.#startOf(slot);
    if (this.#ends[slot]! - from !== eventId.length) return false;
    for (let i = 0; i < eventId.length; i++) if (this.#units[from + i] !== eventId.charCodeAt(i)) return false;
    return this.#sourceTexts.list[this.#sources[slot]!] === source;
  }

  #startOf(slot: number): number {
    return slot === 0 ? 0 : this.#ends[slot - 1]!;
  }

  #grow(): void {
    const slots = 2 * this.size;
    this.#ends = grown(this.#ends, slots);
    this.#sources = grown(this.#sources, slots);
    this.#prefixes = grown(this.#prefixes, slots);
    this.#offsets = grown(this.#offsets, slots);
    this.#receivedAtMs = grown(this.#receivedAtMs, slots);
    const before = this.#table;
    const table = new Int32Array(2 * before.length);
    const mask = table.length - 1;
    for (let i = 0; i < before.length; i += 2) {
      if (before[i + 1] === 0) continue;
      let at = (before[i]! << 1) & mask;
      while (table[at + 1] !== 0) at = (at + 2) & mask;
      table[at] = before[i]!;
      table[at + 1] = before[i + 1]!;
    }
    this.#table = table;
  }
}

/** Each text once, by number. */
class Texts {
  readonly list: string[] = [];
  readonly #numbers = new Map<string, number>();
  #last = -1;

  numberOf(text: string): number {
    // Nearly always it is the one before.
    if (this.list[this.#last] === text) return this.#last;
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.list.push(text) - 1;
      this.#numbers.set(text, number);
    }
    return (this.#last = number);
  }
}

function grown<T extends Int32Array | Float64Array | Uint16Array>(column: T, length: number): T {
  const larger = new (column.constructor as new (length: number) => T)(length);
  larger.set(column);
  return larger;
}
