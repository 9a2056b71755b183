import type { LetterRefusal } from "./letter-address.ts";
import type { Settlement } from "./letter-journal.ts";
import { letterName, type LetterPlace } from "./letter-place.ts";
import type { SettleReport, SettleRequest } from "./letter-request.ts";
import type { ReadLetter } from "./read-letters.ts";

/** One request as it is being answered. */
export class SettleRound {
  readonly request: SettleRequest;
  private readonly refused = new Map<LetterRefusal, { count: number; first: string }>();
  private readonly missing: Set<string> | undefined;
  private chosen = 0;
  /** The limit ended the reading once: others may have settled what was chosen by then, and there may be more. */
  private ended = false;

  constructor(request: SettleRequest) {
    this.request = request;
    this.missing = request.only && new Set(request.only.map(letterName));
  }

  get full(): boolean {
    return this.chosen >= this.request.limit;
  }

  looksAt({ topic, partition }: { topic: string; partition: number }): boolean {
    const { only } = this.request;
    return only === undefined || only.some((place) => place.topic === topic && place.partition === partition);
  }

  fits({ place, letter, appendedAtMs }: ReadLetter): boolean {
    const { node, reason, fromMs = -Infinity, toMs = Infinity } = this.request;
    if (this.missing !== undefined && !this.missing.delete(letterName(place))) return false;
    if (node !== undefined && letter.node !== node) return false;
    return (reason === undefined || letter.reason === reason) && appendedAtMs >= fromMs && appendedAtMs < toMs;
  }

  choose(): void {
    this.chosen += 1;
    this.ended ||= this.full;
  }

  /** Somebody else did so between the choice and the commit. */
  settledByOthers(place: LetterPlace, settled: Settlement): void {
    this.chosen -= 1;
    this.hadSettled(place, settled);
  }

  hadSettled(place: LetterPlace, { kind }: Settlement): void {
    if (this.request.only !== undefined) this.refuse(place, kind === "redriven" ? "already-redriven" : "already-dropped");
  }

  refuse(place: LetterPlace, why: LetterRefusal): void {
    this.refuseNamed(letterName(place), why);
  }

  report(): SettleReport {
    if (!this.ended) for (const name of this.missing ?? []) this.refuseNamed(name, "no-such-letter");
    const refused = [...this.refused].map(([why, rest]) => ({ why, ...rest }));
    return { settled: this.chosen, refused, complete: !this.ended };
  }

  private refuseNamed(first: string, why: LetterRefusal): void {
    const known = this.refused.get(why);
    if (known === undefined) this.refused.set(why, { count: 1, first });
    else known.count += 1;
  }
}
