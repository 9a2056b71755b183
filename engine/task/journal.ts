/** Why a record leaves by the dead letters without being processed; `node`: where it was found out. */
export type TakenOut = { readonly node: string; readonly reason: string; readonly detail: string };

export type JournalEntry =
  | { readonly kind: "took"; readonly input: number }
  | { readonly kind: "took-out"; readonly input: number; readonly why: TakenOut }
  | { readonly kind: "clock"; readonly nowMs: number }
  | { readonly kind: "tick" };

/** Clock readings and ticks are kept as negative numbers, inputs as they are: one array, nothing allocated per record. */
const tick = -1;
const clock = -2;
const out = -3;

/** What a task did since its last commit, in order, so that it can be done again exactly. */
export class Journal {
  private codes: number[] = [];
  private outs: TakenOut[] = [];

  get length(): number {
    return this.codes.length;
  }

  /** Where the entry stands that was written last. */
  get lastStep(): number {
    return this.codes.length - 1;
  }

  took(input: number): void {
    this.codes.push(input);
  }

  tookOut(input: number, why: TakenOut): void {
    this.outs.push(why);
    this.codes.push(out, this.outs.length - 1, input);
  }

  ticked(): void {
    this.codes.push(tick);
  }

  clock(nowMs: number): void {
    this.codes.push(clock, nowMs);
  }

  /** Forgets its first `steps`, which are committed. */
  drop(steps: number): void {
    this.codes.splice(0, steps);
    if (this.codes.length === 0) this.outs = [];
  }

  /** Empties the journal and answers its entries before position `steps`. */
  restart(steps: number): JournalEntry[] {
    const { codes, outs } = this;
    const entries: JournalEntry[] = [];
    for (let i = 0; i < Math.min(steps, codes.length); i++) {
      const code = codes[i]!;
      if (code === tick) entries.push({ kind: "tick" });
      else if (code === clock) entries.push({ kind: "clock", nowMs: codes[++i]! });
      else if (code === out) {
        entries.push({ kind: "took-out", input: codes[i + 2]!, why: outs[codes[i + 1]!]! });
        i += 2;
      } else entries.push({ kind: "took", input: code });
    }
    this.codes = [];
    this.outs = [];
    return entries;
  }
}
