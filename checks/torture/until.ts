import { setTimeout as delay } from "node:timers/promises";

const askAgainMs = 50;

/** Asks until the answer is not undefined. @throws what `give` says once the deadline has passed */
export async function until<T>(ask: () => Promise<T | undefined> | T | undefined, deadlineMs: number, give: () => string): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  while (true) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(give());
    await delay(askAgainMs);
  }
}
