import type { SeededRandom } from "#schemas/testing/seeded-random.ts";
import { killBroker, moveCoordinator, pauseBroker } from "./brokers.ts";
import { addWorker, removeWorker, restartWorker } from "./come-and-go.ts";
import { fillDisk } from "./disk.ts";
import { killAllWorkers, killWhileRestoring, killWorker } from "./kill.ts";
import { cutWorker, loseAnswers, loseEndOfTransaction } from "./network.ts";
import type { Round } from "./round.ts";
import { replaceStalled, stallIdleWorker, stallLong, stallWorker } from "./stall.ts";

/** What can be done, by the names of `--only`. */
export const rounds = {
  "kill-worker": killWorker,
  "kill-broker": killBroker,
  "stall-worker": stallWorker,
  "stall-idle": stallIdleWorker,
  "add-worker": addWorker,
  "cut-worker": cutWorker,
  "lose-end": loseEndOfTransaction,
  "move-coordinator": moveCoordinator,
  "fill-disk": fillDisk,
  "remove-worker": removeWorker,
  "restart-worker": restartWorker,
  "replace-stalled": replaceStalled,
  "stall-long": stallLong,
  "kill-restoring": killWhileRestoring,
  "kill-all": killAllWorkers,
  "lose-answers": loseAnswers,
  "pause-broker": pauseBroker,
} as const satisfies Readonly<Record<string, Round>>;
export type RoundName = keyof typeof rounds;
export const roundNames = Object.keys(rounds) as RoundName[];

/** So many rounds in an order of chance: every kind as often as every other, none twice before all were there once. */
export function shuffledDeck(count: number, random: SeededRandom, kinds: readonly RoundName[] = roundNames): RoundName[] {
  const deck: RoundName[] = [];
  while (deck.length < count) {
    const left = [...kinds];
    while (left.length > 0 && deck.length < count) deck.push(...left.splice(random.between(0, left.length - 1), 1));
  }
  return deck;
}

/** For CI: three kills, and every other kind but the slowest once. */
export function quickDeck(random: SeededRandom): RoundName[] {
  const some: readonly RoundName[] = [
    "stall-worker",
    "stall-idle",
    "kill-broker",
    "cut-worker",
    "lose-end",
    "move-coordinator",
    "fill-disk",
  ];
  return ["kill-worker", "add-worker", ...shuffledDeck(some.length, random, some), "kill-worker", "remove-worker", "kill-worker"];
}
