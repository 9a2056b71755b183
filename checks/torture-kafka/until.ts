import { setTimeout as sleep } from "node:timers/promises";

const askAgainMs = 100;

/** `check` throws when there is nothing to wait for any more. */
export type Waiting = { readonly deadlineMs: number; readonly check?: () => void };

/** Asks until the answer is true; an ask that fails counts as no. @throws {Error} `what` was not so within `deadlineMs` @throws what `check` throws */
export async function until(what: string, { deadlineMs, check }: Waiting, ask: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    check?.();
    let cause: unknown;
    try {
      if (await ask()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${Math.round(deadlineMs / 1000)} s: ${what}`, { cause });
    await sleep(askAgainMs);
  }
}
