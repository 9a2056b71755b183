import type { LetterFilter, LetterPlace, SettleReport, SettleRequest } from "@millrace/engine";
import type { DeadLetterShown } from "../topology/dead-letters.ts";

/** What is asked of who has the letters. */
export type LetterAsk =
  | ({ readonly kind: "summary" } & LetterFilter)
  | { readonly kind: "letter"; readonly place: LetterPlace }
  | ({ readonly kind: "settle" } & SettleRequest);

/** Letters of one topic, node and reason. */
export type LetterLine = {
  readonly topic: string;
  readonly node: string;
  readonly reason: string;
  readonly open: number;
  readonly redriven: number;
  readonly dropped: number;
  /** When the log took the oldest and the newest of them, RFC 3339. */
  readonly oldest: string;
  readonly newest: string;
};

/** One letter, whole: up to `wholeBytes` of its value. */
export type LetterWhole = {
  readonly shown: DeadLetterShown;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly bytes: Uint8Array | null;
};
export const wholeBytes = 1 << 20;

/** `complete`: all letters were looked at. */
export type LetterAnswer =
  | { readonly kind: "summary"; readonly lines: readonly LetterLine[]; readonly complete: boolean }
  | { readonly kind: "letter"; readonly letter: LetterWhole | undefined }
  | { readonly kind: "report"; readonly report: SettleReport }
  | { readonly kind: "unavailable"; readonly detail: string };
