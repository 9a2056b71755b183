import { setTimeout as sleep } from "node:timers/promises";
import { BrokerError } from "#broker/broker-error.ts";
import { fingerprintOf } from "#broker/commit-fingerprint.ts";
import type { Commit, CommitResult, Position } from "#broker/broker.ts";
import { listOffsets } from "../admin/offsets.ts";
import type { LocalCopy } from "../changelog/local-copy.ts";
import type { Compression } from "../codec/compression.ts";
import type { KafkaEvents } from "../kafka-events.ts";
import { changelogOf } from "../names.ts";
import type { Seat } from "../seat.ts";
import type { Transaction, TransactionOutcome } from "../transaction/transaction.ts";
import { isRefused, isRetriable } from "../wire/error-classes.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { asKafkaError } from "../wire/kafka-error.ts";
import { type BuiltCommit, buildTransaction } from "./build-transaction.ts";

export type CommitParts = {
  readonly client: KafkaClient;
  readonly local: LocalCopy;
  readonly events: KafkaEvents;
  readonly clock: () => number;
  readonly compression: Compression;
  readonly onLocalWritten: () => void;
  readonly closing: AbortSignal;
};

/** How often a commit is tried anew because the generation changed while it was made. */
const mostTries = 10;
const again = { firstMs: 50, mostMs: 5000 };

/**
 * Makes a commit in the name of a seat: one Kafka transaction, then one local one. Its number and who made it settle what
 * got lost: when the outcome cannot be had from the transaction, the offsets' notes say whether it is there.
 */
export async function commitOnSeat(seat: Seat, commit: Commit, parts: CommitParts): Promise<CommitResult> {
  const begun = performance.now();
  for (let tries = 1; ; tries++) {
    const refusal = seat.refusal(commit, tries);
    if (refusal !== undefined) return { kind: "fenced", reason: refusal };
    const last = await orAborted(seat.lastOf(commit.tasks));
    if ("kind" in last) return last;
    // Its answer was lost, or it was asked for twice: it is durable already.
    if (last[0]?.fingerprint === fingerprintOf(commit)) return last[0].result;
    const odd = commit.tasks.findIndex(({ number }, i) => number !== last[i]!.number + 1n);
    if (odd >= 0) {
      const { task, number } = commit.tasks[odd]!;
      return { kind: "fenced", reason: `commit ${number} of task ${task} does not follow its last one, ${last[odd]!.number}` };
    }
    const numbers = new Map(commit.tasks.map(({ task }, i) => [task, last[i]!.changelogNumber]));
    const built = buildTransaction(commit, {
      compression: parts.compression,
      by: seat.name,
      changelogs: seat.changelogs,
      nowMs: parts.clock(),
      changelogNumberOf: ({ task }) => numbers.get(task)!,
    });
    const { identity } = seat.member;
    if (identity === undefined) {
      if (tries >= mostTries) return { kind: "aborted", reason: "the member has no place in its group now" };
      await seat.member.whenSettled();
      await pause(tries, parts.closing);
      continue;
    }
    const transaction: Transaction = {
      batches: built.batches,
      group: commit.group,
      member: identity,
      offsets: built.offsets,
      confirm: () => confirmChangelogs(seat, { commit, built }),
    };
    const outcome = await runTransaction(seat, transaction, parts);
    const { kind } = outcome;
    parts.events.transaction({ outcome: kind, ms: performance.now() - begun, partitions: built.batches.length, bytes: built.bytes, tries });
    if (kind === "committed") return await finish(seat, { commit, built, written: outcome.written }, parts);
    if (kind === "unknown") {
      // Before the offsets: what a successor has committed once they were read lies behind these ends.
      const ends = await endsOf(built, parts);
      const settled = await settle(seat, commit, parts);
      if (settled !== "passed" && seat.transactions.phase === "ready") await seat.transactions.settled(settled, transaction);
      if (settled !== "commit") return { kind: "aborted", reason: outcome.error.message };
      return await finish(seat, { commit, built, written: ends }, parts);
    }
    if (kind === "aborted") {
      // To be told that it may try again would keep the worker at it for ever, without a word.
      if (isRefused(outcome.error)) throw outcome.error;
      return { kind: "aborted", reason: outcome.error.message };
    }
    if (outcome.by === "producer") {
      seat.end(`another process commits as ${seat.spec.member}: ${outcome.error.message}`);
      return { kind: "fenced", reason: outcome.error.message };
    }
    // The generation was another one by then. If the tasks are still ours, the whole of it is tried again under the new one.
    await seat.member.renew(identity);
    if (tries >= mostTries) return { kind: "fenced", reason: outcome.error.message };
  }
}

type Aborted = Extract<CommitResult, { kind: "aborted" }>;

/** What is asked before a transaction begins: where nobody can answer it now, the commit is not made and may be tried again. */
export function orAborted<T>(asked: Promise<T>): Promise<T | Aborted> {
  return asked.catch((thrown: unknown) => {
    if (!mayPass(thrown)) throw thrown;
    return { kind: "aborted", reason: asKafkaError(thrown, "commit").message } as const;
  });
}

/** Asks behind a transaction, when nothing can be done before the answer is there, until it is. */
async function untilAnswered<T>(closing: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await ask();
    } catch (thrown) {
      if (closing.aborted || !mayPass(thrown)) throw thrown;
      await pause(failed, closing);
    }
  }
}

const mayPass = (thrown: unknown): boolean => !(thrown instanceof BrokerError) && isRetriable(asKafkaError(thrown, "commit"));

async function runTransaction(seat: Seat, transaction: Transaction, { closing }: CommitParts): Promise<TransactionOutcome> {
  try {
    return await seat.transactions.run(transaction);
  } catch (thrown) {
    if (thrown instanceof BrokerError) throw thrown;
    const error = asKafkaError(thrown, "commit");
    if (closing.aborted || seat.transactions.phase === "closed") throw error;
    // Nobody knows yet how it ended: a transaction of ours must have begun anew before the offsets are stable.
    for (let failed = 1; ; failed++) {
      try {
        await seat.transactions.open();
        return { kind: "unknown", error };
      } catch (reason) {
        if (seat.transactions.phase === "fenced") return { kind: "fenced", by: "producer", error: asKafkaError(reason, "commit") };
        if (closing.aborted || !isRetriable(asKafkaError(reason, "commit"))) throw reason;
        await pause(failed, closing);
      }
    }
  }
}

/** A changelog that was deleted and made again would hold what came since, and pass for all of it. */
function confirmChangelogs(
  { client, changelogs }: Seat,
  { commit, built }: { readonly commit: Commit; readonly built: BuiltCommit },
): void {
  for (const { task } of built.logged) {
    const { topic, partition } = changelogOf(commit.group, task);
    const { id } = client.known(topic) ?? {};
    if (id !== undefined && id !== changelogs.get(topic))
      throw new BrokerError("BROKER_UNKNOWN_TOPIC", "the changelog was deleted and made again while it was written", {
        at: `${topic}[${partition}]`,
      });
  }
}

/**
 * Reads back whether the commit is there, and is the one that this seat made: who took the tasks over meanwhile goes on with the same number. When they
 * have gone on beyond it, nobody here can tell any more, and need not.
 */
async function settle(seat: Seat, commit: Commit, { closing }: CommitParts): Promise<"commit" | "abort" | "passed"> {
  seat.forget(commit.tasks);
  const found = await untilAnswered(closing, () => seat.checkpoints.read(commit.tasks.map(({ task }) => task)));
  const wanted = (i: number): bigint => commit.tasks[i]!.number;
  if (found.every(({ number, by }, i) => number === wanted(i) && by === seat.name)) return "commit";
  return found.some(({ number, by }, i) => number < wanted(i) || (number === wanted(i) && by !== seat.name)) ? "abort" : "passed";
}

type Done = { readonly commit: Commit; readonly built: BuiltCommit; readonly written: readonly Position[] };

/** Where the partitions of a commit end whose own answers were lost: behind its records, at the earliest. Its changelogs have no other writer. */
const endsOf = ({ batches }: BuiltCommit, { client, closing }: CommitParts): Promise<readonly Position[]> =>
  untilAnswered(closing, () => listOffsets(client, batches, { at: { kind: "stable-end" }, signal: closing }));

/** Behind the Kafka transaction: the local copy, then the answer. */
async function finish(seat: Seat, { commit, built, written }: Done, parts: CommitParts): Promise<CommitResult> {
  const logs = new Set(built.logged.map(({ task }) => placeOf(changelogOf(commit.group, task))));
  const result: CommitResult = { kind: "committed", written: written.filter((position) => !logs.has(placeOf(position))) };
  seat.committed(commit, new Set(built.logged.map(({ task }) => task)), result);
  const ends = new Map(written.map((position) => [placeOf(position), position.offset]));
  await writeLocal(
    built.logged.map((task) => {
      const { topic, partition } = changelogOf(commit.group, task.task);
      return {
        commit: task,
        next: ends.get(placeOf({ topic, partition }))!,
        changelog: seat.changelogs.get(topic)!,
        atMs: parts.clock(),
      };
    }),
    parts,
  );
  return result;
}

/** A disk that is full must not cost what Kafka has: it is waited for, since a later commit written without this one would be a hole. */
async function writeLocal(
  commits: Parameters<LocalCopy["write"]>[0],
  { local, events, closing, onLocalWritten }: CommitParts,
): Promise<void> {
  if (commits.length === 0) return;
  const begun = performance.now();
  for (let failed = 1; ; failed++) {
    try {
      local.write(commits);
      onLocalWritten();
      return;
    } catch (error) {
      events.localCopyStuck({ error, afterMs: performance.now() - begun });
      // What is missing there is read from the changelog when the task is opened again.
      if (closing.aborted) return;
      await pause(failed, closing);
    }
  }
}

const placeOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic} ${partition}`;

const pause = (tries: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.min(again.firstMs * 2 ** (tries - 1), again.mostMs), undefined, { signal }).catch(() => undefined);
