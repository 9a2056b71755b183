/** A value of the log for people: of more than `shownBytes` only the beginning, and how many there are. */
export type ShownBytes = {
  readonly length: number;
  readonly base64: string;
  /** The same as text, where all of it is UTF-8. */
  readonly text: string | null;
  readonly cut: boolean;
};

/** A record that was set aside, with what is said of it. Its bytes are the customers': shown to who may see them, and kept nowhere. */
export type DeadLetterShown = {
  /** When the log took it, RFC 3339; on Kafka, whose records keep the time of the event, the greatest time in its batch. */
  readonly at: string;
  readonly reason: string;
  /** The node that refused it; `source/<topic>` when it was found out before. */
  readonly node: string;
  /** Where it came from: `topic[partition]@offset`. */
  readonly place: string;
  readonly detail: string | null;
  /** The record's own time, RFC 3339; null where that is no time. */
  readonly timestamp: string | null;
  readonly key: string | null;
  readonly value: ShownBytes | null;
  /** Where the letter itself lies. */
  readonly letter: { readonly topic: string; readonly partition: number; readonly offset: string };
  /** What was done with it; null while it is open. */
  readonly settled: LetterSettled | null;
};

/** `at`: RFC 3339. */
export type LetterSettled = {
  readonly kind: "redriven" | "dropped";
  readonly at: string;
  readonly by: string;
  readonly key: string;
  readonly why: string | null;
};

/** Whether anything was done with a letter. */
export const letterStates = ["open", "settled", "all"] as const;
export type LetterState = (typeof letterStates)[number];

export type DeadLetterRequest = {
  /** Topics of dead letters with their partitions. */
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
  /** Only those that this node refused. */
  readonly node: string | undefined;
  readonly reason?: string | undefined;
  /** Set aside at this time or later, ms, and before `toMs`. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Unasked, all. */
  readonly state?: LetterState | undefined;
  readonly limit: number;
};

/** The newest first. `complete`: there are no others; else older ones were not looked for, for lack of room or time. */
export type DeadLettersFound = { readonly letters: readonly DeadLetterShown[]; readonly complete: boolean };

export const shownBytes = 4096;
