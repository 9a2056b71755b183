import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../../../infra/kafka/cluster.ts";
import { anyMoment, atMoment, proxiedWorker, type Round, textOfMoment } from "./round.ts";

const longestAwayMs = 6000;
const syncMs = 120_000;

/** SIGKILL of a broker at any moment; it comes back after a while. */
export const killBroker: Round = async ({ cluster, random }) => {
  const { id } = random.pick(cluster.nodes);
  await sleep(random.next() * 1000);
  const away = await killedFor(cluster, id, random.next() * longestAwayMs);
  return `broker ${id} was killed, ${away}`;
};

/**
 * The coordinator of a worker's transactions, or of the group, dies in the middle of a commit: before it has heard the request, or when it has done
 * what was asked and said nothing yet. On three nodes another one becomes it, on one the same comes back.
 */
export const moveCoordinator: Round = async (stage) => {
  const { cluster, random } = stage;
  const kind = random.pick(["transaction", "group"] as const);
  const slot = proxiedWorker(stage);
  const moment = {
    api: kind === "group" ? ("TxnOffsetCommit" as const) : ("EndTxn" as const),
    side: random.pick(["request", "answer"] as const),
  };
  let id = 0;
  // What it has done it must not get to say.
  if (moment.side === "answer") slot.proxy.loseAnswer({ api: moment.api, outcome: "done" });
  await atMoment(slot, moment, async (port) => {
    ({ id } = cluster.nodes.find((node) => node.port === port)!);
    await cluster.kill(id);
  });
  const away = await killedFor(cluster, id, random.next() * longestAwayMs, true);
  return `the ${kind} coordinator, broker ${id}, was killed ${textOfMoment(moment)} of ${slot.member}, ${away}`;
};

/** A broker is stopped and resumed: it keeps its connections and answers nothing. */
export const pauseBroker: Round = async (stage) => {
  const { cluster, random } = stage;
  const { id } = random.pick(cluster.nodes);
  const slot = proxiedWorker(stage);
  const moment = anyMoment(random);
  await atMoment(slot, moment, () => cluster.pause(id));
  const lasted = 1000 + random.next() * longestAwayMs;
  await sleep(lasted);
  cluster.resume(id);
  await cluster.awaitInSync(syncMs);
  return `broker ${id} was paused ${textOfMoment(moment)} of ${slot.member} for ${(lasted / 1000).toFixed(1)} s`;
};

async function killedFor(cluster: Cluster, id: number, ms: number, dead = false): Promise<string> {
  const begun = performance.now();
  if (!dead) await cluster.kill(id);
  await sleep(ms);
  await cluster.restart(id);
  await cluster.awaitInSync(syncMs);
  return `and in sync again after ${((performance.now() - begun) / 1000).toFixed(1)} s`;
}
