import type { Commit, CommitResult, Position, TaskId } from "#broker/broker.ts";
import { fingerprintOf } from "#broker/commit-fingerprint.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { commitStep, type CommitStep } from "./commit-steps.ts";
import type { Deltas } from "./deltas.ts";
import type { Group } from "./group/group.ts";
import type { Log } from "./log/log.ts";
import type { CheckedBatch } from "./log/offset-gaps.ts";

export type CheckedCommit = {
  readonly commit: Commit;
  readonly outputs: readonly CheckedBatch[];
  readonly watermarks: readonly CheckedBatch[];
};

/** What the transaction made of a commit; `settle` is called when it is durable, once. */
export type RunCommit = { readonly result: CommitResult; readonly settle: () => void };

type LastCommit = { readonly number: bigint; readonly fingerprint: string; readonly result: CommitResult };

/** Judges commits and writes them; one at a time a group within a transaction, since `settle` moves the numbers on. */
export class Commits {
  readonly #tables;
  readonly #groupOf;
  readonly #onStep;
  readonly #last = new Map<string, Map<TaskId, LastCommit>>();

  constructor(
    tables: { readonly log: Log; readonly deltas: Deltas; readonly checkpoints: Checkpoints },
    groupOf: (name: string) => Group | undefined,
    onStep: (step: CommitStep) => void,
  ) {
    this.#tables = tables;
    this.#groupOf = groupOf;
    this.#onStep = onStep;
  }

  /** Within a transaction. */
  run(checked: CheckedCommit, appendedAtMs: number): RunCommit {
    const { commit } = checked;
    const refusal =
      this.#groupOf(commit.group)?.refusal(commit) ??
      (this.#groupOf(commit.group) === undefined ? "nobody has joined the group" : undefined);
    if (refusal !== undefined) return unwritten({ kind: "fenced", reason: refusal });
    const fingerprint = fingerprintOf(commit);
    const last = this.#lastOf(commit);
    // Its answer was lost, or it was asked for twice: it is durable already.
    if (last[0]?.fingerprint === fingerprint) return unwritten(last[0].result);
    const odd = commit.tasks.findIndex(({ number }, i) => number !== last[i]!.number + 1n);
    if (odd >= 0) {
      const { task, number } = commit.tasks[odd]!;
      return unwritten({ kind: "fenced", reason: `commit ${number} of task ${task} does not follow its last one, ${last[odd]!.number}` });
    }
    const result: CommitResult = { kind: "committed", written: this.#write(checked, appendedAtMs) };
    return { result, settle: () => this.#settle(commit, fingerprint, result) };
  }

  /** 1. begun  2. outputs  3. watermarks  4. changes  5. checkpoints; 6., durable, is reported when the transaction has ended. */
  #write({ commit, outputs, watermarks }: CheckedCommit, appendedAtMs: number): Position[] {
    const { log, deltas, checkpoints } = this.#tables;
    const written = new Map<string, Position>();
    const append = (checked: CheckedBatch): void => {
      const { topic, partition } = checked.batch;
      const offset = BigInt(log.write(checked, appendedAtMs) + checked.span);
      written.set(`${topic}/${partition}`, { topic, partition, offset });
    };
    this.#onStep(commitStep("begun"));
    outputs.forEach(append);
    this.#onStep(commitStep("outputs"));
    watermarks.forEach(append);
    this.#onStep(commitStep("watermarks"));
    for (const { task, number, changes } of commit.tasks) deltas.write(task, number, changes);
    this.#onStep(commitStep("changes"));
    for (const task of commit.tasks) checkpoints.write(commit.group, task);
    this.#onStep(commitStep("checkpoints"));
    return [...written.values()];
  }

  #settle(commit: Commit, fingerprint: string, result: CommitResult): void {
    const ofGroup = this.#last.get(commit.group)!;
    for (const { task, number } of commit.tasks) ofGroup.set(task, { number, fingerprint, result });
    this.#onStep(commitStep("durable"));
  }

  #lastOf({ group, tasks }: Commit): LastCommit[] {
    const ofGroup = this.#last.get(group) ?? new Map<TaskId, LastCommit>();
    this.#last.set(group, ofGroup);
    return tasks.map(({ task }) => {
      const known = ofGroup.get(task);
      if (known !== undefined) return known;
      // Commits of an earlier life cannot be repeated: their generation is over.
      const read: LastCommit = {
        number: this.#tables.checkpoints.read(group, task).number,
        fingerprint: "",
        result: { kind: "committed", written: [] },
      };
      ofGroup.set(task, read);
      return read;
    });
  }
}

const unwritten = (result: CommitResult): RunCommit => ({ result, settle: () => undefined });
