import type { LetterRefusal } from "./letter-address.ts";
import type { Settlement } from "./letter-journal.ts";
import type { LetterPlace } from "./letter-place.ts";

/** Which letters are meant: of these topics of letters, those that fit all that is said. */
export type LetterFilter = {
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
  readonly node?: string | undefined;
  readonly reason?: string | undefined;
  /** Set aside at this time or later, ms, and before `toMs`. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** None but these. */
  readonly only?: readonly LetterPlace[] | undefined;
};

export type SettleRequest = LetterFilter &
  Pick<Settlement, "by" | "key" | "why"> & {
    readonly action: "redrive" | "drop";
    /** Says what would be done, and does nothing. */
    readonly dryRun: boolean;
    /** Letters that are settled at most. */
    readonly limit: number;
  };

/** `settled` letters were settled, or would be. `complete`: false where the limit ended it and there may be more. */
export type SettleReport = {
  readonly settled: number;
  readonly refused: readonly { readonly why: LetterRefusal; readonly count: number; readonly first: string }[];
  readonly complete: boolean;
};
