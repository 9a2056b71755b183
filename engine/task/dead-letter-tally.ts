import { decodeHeaders } from "#broker/record-batch.ts";

/** Dead letters of one node and reason in one commit; `firstAt` and `correlationId` are those of the first. */
export type DeadLettered = {
  readonly node: string;
  readonly reason: string;
  count: number;
  readonly firstAt: string;
  readonly correlationId: string | undefined;
};

/** What left by the dead letters since the last commit, by node and reason: one line each for those who watch, however many there are. */
export class DeadLetterTally {
  private letters: DeadLettered[] = [];

  note(letter: { readonly node: string; readonly reason: string; readonly at: string; readonly headers: Uint8Array }): void {
    const { node, reason, at, headers } = letter;
    const known = this.letters.find((one) => one.node === node && one.reason === reason);
    if (known === undefined) this.letters.push({ node, reason, count: 1, firstAt: at, correlationId: correlationIdOf(headers) });
    else known.count += 1;
  }

  take(): readonly DeadLettered[] {
    const taken = this.letters;
    if (taken.length > 0) this.letters = [];
    return taken;
  }
}

const correlationIdOf = (headers: Uint8Array): string | undefined => decodeHeaders(headers).find(([name]) => name === "correlationid")?.[1];
