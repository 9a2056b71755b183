import type { QueryRow } from "#topology/plan/query-plan.ts";
import { covers } from "./place-id.ts";
import type { Began, Changes, Place, Progress, WindowsBefore } from "./stream-request.ts";

export type RingLimits = { readonly changes: number; readonly characters: number; readonly ageMs: number };

export const defaultRingLimits: RingLimits = { changes: 100_000, characters: 16 << 20, ageMs: 600_000 };

/** A row as it was told; `superseded` once it is told again in a later frame that is still here. */
export type Change = {
  readonly key: string;
  readonly text: string | null;
  /** Of a row that is gone, as far as it is known here: what it showed last. */
  readonly shown: string | undefined;
  superseded: boolean;
  /** The row that the text shows, once somebody has asked for it. */
  row: QueryRow | undefined;
};

/** What was told at once. `encoded` keeps what readers of the same view are all sent. */
export type Frame = {
  readonly at: Place;
  readonly changes: readonly Change[];
  readonly expired: readonly WindowsBefore[];
  /** Where this frame also says how far things have come. */
  readonly progress: Progress | undefined;
  readonly atMs: number;
  /** Characters of all frames of the ring before this one, gone ones too. */
  readonly before: number;
  readonly characters: number;
  readonly encoded: Map<string, Uint8Array | undefined>;
};

/** Frames keep what was made of them for their readers while they are among the newest. */
const keptEncoded = 8;

/** What one feed has told lately, frame by frame. Frames are numbered from 0; a reader stands before one of them. */
export class Ring {
  readonly began: Began;
  private readonly limits: RingLimits;
  private readonly latest = new Map<string, Change>();
  private readonly numbers = new Map<string, number>();
  private frames: Frame[] = [];
  private dropped = 0;
  /** Where a reader stands who has been told all that was dropped. */
  private droppedAt: Place | undefined;
  private changes = 0;
  /** How many changes have been told, those of dropped frames too. */
  changeCount = 0;
  private characters = 0;
  private toldProgress: Progress | undefined;

  constructor(began: Began, limits: RingLimits) {
    this.began = began;
    this.limits = limits;
  }

  /** The oldest frame that is here. */
  get first(): number {
    return this.dropped;
  }

  /** The frame that comes next. */
  get end(): number {
    return this.dropped + this.frames.length;
  }

  /** All that was committed up to here has been told. */
  get place(): Place {
    return this.frames.at(-1)?.at ?? this.began.at;
  }

  /** What a reader before this frame has been told; undefined when the frame is not here any more. */
  placeBefore(number: number): Place | undefined {
    if (number === this.dropped) return this.droppedAt ?? this.began.at;
    return this.frames[number - 1 - this.dropped]?.at;
  }

  /** As of the newest frame; undefined before the first. */
  get progress(): Progress | undefined {
    return this.toldProgress;
  }

  frame(number: number): Frame {
    return this.frames[number - this.dropped]!;
  }

  /** How many characters a reader before this frame is behind. */
  behind(number: number): number {
    return number >= this.end ? 0 : this.characters - this.frame(number).before;
  }

  /** The frame behind what a reader has been told; undefined when that cannot be continued here. */
  after(place: Place): number | undefined {
    const { at, unchangedSince } = this.began;
    const name = place.join();
    const number = this.numbers.get(name);
    if (number !== undefined) return number + 1;
    if (name === this.droppedAt?.join()) return this.dropped;
    return this.dropped === 0 && covers(at, place) && covers(place, unchangedSince) ? 0 : undefined;
  }

  push(
    { at, rows, expired, progress }: Changes,
    { nowMs, tellsProgress }: { readonly nowMs: number; readonly tellsProgress: boolean },
  ): void {
    const changes: Change[] = [];
    let characters = 0;
    for (const [i, key] of rows.keys.entries()) {
      const text = rows.texts[i]!;
      const older = this.latest.get(key);
      const shown = text === null ? (older?.text ?? older?.shown) : undefined;
      const change: Change = { key, text, shown, superseded: false, row: undefined };
      if (older !== undefined) older.superseded = true;
      this.latest.set(key, change);
      changes.push(change);
      characters += key.length + (text?.length ?? 0);
    }
    const before = this.characters;
    this.characters += characters;
    this.changes += changes.length;
    this.changeCount += changes.length + expired.length;
    this.numbers.set(at.join(), this.end);
    this.toldProgress = progress;
    this.frames.push({
      at,
      changes,
      expired,
      progress: tellsProgress ? progress : undefined,
      atMs: nowMs,
      before,
      characters,
      encoded: new Map(),
    });
    const settled = this.frames.at(-1 - keptEncoded);
    settled?.encoded.clear();
    for (const change of settled?.changes ?? []) change.row = undefined;
    this.dropOld(nowMs);
  }

  private dropOld(nowMs: number): void {
    const { limits } = this;
    let count = 0;
    // The newest stays, however large it is: readers who keep up are not sent back to the beginning.
    while (count < this.frames.length - 1) {
      const frame = this.frames[count]!;
      const kept = this.characters - frame.before;
      if (this.changes <= limits.changes && kept <= limits.characters && nowMs - frame.atMs <= limits.ageMs) break;
      for (const change of frame.changes) if (this.latest.get(change.key) === change) this.latest.delete(change.key);
      const name = frame.at.join();
      if (this.numbers.get(name) === this.dropped + count) this.numbers.delete(name);
      this.droppedAt = frame.at;
      this.changes -= frame.changes.length;
      count += 1;
    }
    this.frames.splice(0, count);
    this.dropped += count;
  }
}
