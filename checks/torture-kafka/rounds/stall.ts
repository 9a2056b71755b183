import { setTimeout as sleep } from "node:timers/promises";
import type { Heard } from "../worker-child.ts";
import { until } from "../until.ts";
import { atMoment, heard, proxiedWorker, type ProxiedSlot, type Round, type Stage, ticks } from "./round.ts";

/** Behind the session by so much: the group has counted the worker out, and its transaction is still open. */
const pastSessionMs = 1200;
const fencedMs = 30_000;

/** SIGSTOP in a commit whose records the broker has and whose offsets it has not, past the session, then SIGCONT: it must be told that it is fenced. */
export const stallWorker: Round = async (stage) => {
  const slot = proxiedWorker(stage);
  const reason = await fencedAfterStall(stage, slot);
  return `${slot.member} slept through its session in a commit, and was fenced: ${reason}`;
};

/** The same where nothing but a timer has anything to commit. */
export const stallIdleWorker: Round = async (stage) => {
  const { producer, watch } = stage;
  producer.pause();
  try {
    await watch.caughtUp({ deadlineMs: 60_000 });
    await watch.quiet(1000, { deadlineMs: 60_000 });
    const slot = proxiedWorker(stage, ticks);
    const from = slot.child.heard.length;
    // The commit before the one it sleeps in has nothing but ticks in it, and there is nothing that could be in the next.
    await heard(slot.child, "committed", { from, deadlineMs: 20_000, where: ({ records }) => records === 0 });
    const reason = await fencedAfterStall(stage, slot);
    return `${slot.member} slept through its session in a commit of timers only, and was fenced: ${reason}`;
  } finally {
    producer.resume();
  }
};

/** SIGSTOP past the transaction's timeout too: by then its coordinator has given the transaction up, and nothing of it may count. */
export const stallLong: Round = async (stage) => {
  const { random, transactionTimeoutMs } = stage;
  const slot = proxiedWorker(stage);
  const { child } = slot;
  const api = random.pick(["Produce", "TxnOffsetCommit"] as const);
  const from = child.heard.length;
  await atMoment(slot, { api, side: "answer" }, () => child.signal("SIGSTOP"));
  const lasted = transactionTimeoutMs + 1500 + random.next() * 3000;
  await sleep(lasted);
  child.signal("SIGCONT");
  const word = await heard(child, "commit-failed", { from, deadlineMs: fencedMs });
  return `${slot.member} slept ${Math.round(lasted / 1000)} s behind its ${api}; its commit was ${word.kind}: ${word.reason}`;
};

/** A worker sleeps in a commit and is replaced under its own name meanwhile: when it wakes it must end. */
export const replaceStalled: Round = async (stage) => {
  const { fleet, random } = stage;
  const slot = proxiedWorker(stage);
  const zombie = slot.child;
  const api = random.pick(["Produce", "TxnOffsetCommit", "EndTxn"] as const);
  await atMoment(slot, { api, side: "request" }, () => zombie.signal("SIGSTOP"));
  fleet.replace(slot);
  await until("the replacement is ready", { deadlineMs: 60_000, check: () => fleet.check() }, () => slot.child.ready);
  zombie.signal("SIGCONT");
  await until("the zombie has ended", { deadlineMs: fencedMs }, () => !zombie.running);
  const last = zombie.heard.at(-1);
  if (last?.say !== "failed" || last.code !== "WORKER_FENCED")
    throw new Error(`the zombie of ${slot.member} ended with ${zombie.end}: ${JSON.stringify(last)}`);
  return `${slot.member} slept at its ${api} while another took its name; woken, it ended as fenced`;
};

/** @throws {Error} the commit was not refused as fenced */
async function fencedAfterStall({ sessionTimeoutMs }: Stage, slot: ProxiedSlot): Promise<string> {
  const { child } = slot;
  const from = child.heard.length;
  await atMoment(slot, { api: "Produce", side: "request" }, () => child.signal("SIGSTOP"));
  await sleep(sessionTimeoutMs + pastSessionMs);
  child.signal("SIGCONT");
  // Not its own idea: the transaction that it slept in was refused.
  await heard(child, "transaction", {
    from,
    deadlineMs: fencedMs,
    where: ({ outcome, ms }) => outcome === "fenced" && ms >= sessionTimeoutMs,
  });
  const word: Heard & { say: "commit-failed" } = await heard(child, "commit-failed", { from, deadlineMs: fencedMs });
  if (word.kind !== "fenced")
    throw new Error(`the commit of ${slot.member}, which had slept through its session, was ${word.kind}, not fenced: ${word.reason}`);
  return word.reason;
}
