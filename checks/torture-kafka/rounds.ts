import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "#schemas/testing/seeded-random.ts";
import type { Cluster } from "../../infra/kafka/cluster.ts";
import type { Fleet, Slot } from "./fleet.ts";
import type { LogWatch } from "./log-watch.ts";
import type { SmokeProducer } from "./producer.ts";
import { until } from "./until.ts";

/** What a round may lay its hands on. */
export type Stage = {
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly producer: SmokeProducer;
  readonly watch: LogWatch;
  readonly random: SeededRandom;
  readonly say: (line: string) => void;
  readonly sessionTimeoutMs: number;
};

/** Something bad done to the workers, the brokers or what lies between; settles when it is over, with a line of what was seen. */
export type Round = (stage: Stage) => Promise<string>;

const commitRequests = ["Produce", "TxnOffsetCommit", "EndTxn"] as const;
const momentMs = 10_000;
const syncMs = 120_000;

export const rounds = {
  "kill a worker": async (stage) => {
    const { fleet, random } = stage;
    const slot = random.pick(fleet.running);
    const moment = await momentOf(slot, random);
    const dropped = random.chance(0.4);
    await slot.child!.kill();
    slot.child = undefined;
    if (dropped) fleet.dropState(slot);
    await sleep(random.next() * 8000);
    fleet.start(slot);
    return `${slot.member} ${moment}, its disk ${dropped ? "lost" : "kept"}`;
  },
} as const satisfies Record<string, Round>;

/** Waits for a moment of a commit of this worker, where its proxy sees it, or for a random one. */
async function momentOf({ proxy }: Slot, random: SeededRandom): Promise<string> {
  if (proxy === undefined || random.chance(0.3)) {
    await sleep(random.next() * 1000);
    return "at any time";
  }
  const api = random.pick(commitRequests);
  const side = random.pick(["request", "answer"] as const);
  const { promise, resolve } = Promise.withResolvers<void>();
  const off = side === "request" ? proxy.onRequest(api, () => resolve()) : proxy.onAnswer(api, () => resolve());
  const came = await Promise.race([promise.then(() => true), sleep(momentMs, false, { ref: false })]);
  off();
  return came ? `at the ${side} of ${api}` : "at any time";
}

export { syncMs, until };
