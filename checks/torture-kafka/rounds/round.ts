import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "#schemas/testing/seeded-random.ts";
import type { Cluster } from "../../../infra/kafka/cluster.ts";
import type { Fleet, Slot } from "../fleet.ts";
import type { LogWatch } from "../log-watch.ts";
import type { SmokeProducer } from "../producer.ts";
import type { SmallDisk } from "../small-disk.ts";
import { until } from "../until.ts";
import type { Heard, WorkerChild } from "../worker-child.ts";

/** What a round may lay its hands on. */
export type Stage = {
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly producer: SmokeProducer;
  readonly watch: LogWatch;
  readonly random: SeededRandom;
  readonly sessionTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  /** The worker whose disk can be full. */
  readonly smallDisk: { readonly member: string; readonly disk: SmallDisk };
};

/** Something bad done to the workers, the brokers or what lies between them; settles when it is done, with a line of what was seen. */
export type Round = (stage: Stage) => Promise<string>;

const commitRequests = ["Produce", "TxnOffsetCommit", "EndTxn"] as const;
/** Ticks make a commit at least so often. */
const commitWithinMs = 20_000;

/** A slot whose network is ours. */
export type ProxiedSlot = Slot & { readonly proxy: NonNullable<Slot["proxy"]>; readonly child: WorkerChild };

export function proxiedWorker({ fleet, random }: Stage, wanted: (child: WorkerChild) => boolean = () => true): ProxiedSlot {
  const proxied = fleet.running.filter((slot): slot is ProxiedSlot => slot.proxy !== undefined);
  const fitting = proxied.filter(({ child }) => wanted(child));
  return random.pick(fitting.length > 0 ? fitting : proxied);
}

/** The worker that ticks: its commits come by themselves. */
export const ticks = ({ tasks }: WorkerChild): boolean => tasks.some((task) => task.startsWith("data/"));

/** A moment of a commit: before a request of it reaches the broker, or before its answer reaches the worker. */
export type Moment = { readonly api: (typeof commitRequests)[number]; readonly side: "request" | "answer" };

export const anyMoment = (random: SeededRandom): Moment => ({
  api: random.pick(commitRequests),
  side: random.pick(["request", "answer"] as const),
});
export const textOfMoment = ({ api, side }: Moment): string => `at the ${side} of ${api}`;

/**
 * Does something once, exactly when this worker's next commit is there; the request, or the answer, waits meanwhile.
 * @throws {Error} no commit came
 */
export async function atMoment({ proxy, member }: ProxiedSlot, { api, side }: Moment, act: (brokerPort: number) => unknown): Promise<void> {
  const came = Promise.withResolvers<void>();
  let begun = false;
  const listener = async ({ node }: { readonly node: { readonly port: number } }): Promise<void> => {
    if (begun) return;
    begun = true;
    try {
      await act(node.port);
      came.resolve();
    } catch (error) {
      came.reject(error as Error);
    }
  };
  const off = side === "request" ? proxy.onRequest(api, listener) : proxy.onAnswer(api, listener);
  try {
    const late = sleep(commitWithinMs, undefined, { ref: false }).then(() => {
      if (!begun) throw new Error(`${member} sent no ${api} within ${commitWithinMs / 1000} s`);
    });
    await Promise.race([came.promise, late.then(() => came.promise)]);
  } finally {
    off();
  }
}

/** Settles with the first word of this kind that a worker says behind its first `from` words. */
export async function heard<W extends Heard["say"]>(
  child: WorkerChild,
  say: W,
  {
    from,
    deadlineMs,
    where = () => true,
  }: { readonly from: number; readonly deadlineMs: number; readonly where?: (word: Heard & { say: W }) => boolean },
): Promise<Heard & { say: W }> {
  const find = (): Heard | undefined => child.since(from).find((word) => word.say === say && where(word as Heard & { say: W }));
  await until(`${child.settings.member} says ${say}`, { deadlineMs }, () => find() !== undefined);
  return find() as Heard & { say: W };
}
