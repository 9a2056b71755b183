import { randomBytes } from "node:crypto";
import { fingerprintOf } from "#broker/commit-fingerprint.ts";
import type { Commit, CommitResult, GroupSpec, MembershipHooks, TaskCommit, TaskId } from "#broker/broker.ts";
import type { Checkpoints } from "./commit/checkpoints.ts";
import type { GroupMember } from "./group/group-member.ts";
import type { GroupHooks } from "./group/group-settings.ts";
import type { TransactionManager } from "./transaction/transaction-manager.ts";
import type { KafkaClient } from "./wire/kafka-client.ts";

/** The last commit of a task that this member owns. */
type LastCommit = {
  readonly number: bigint;
  readonly changelogNumber: bigint;
  readonly fingerprint: string;
  readonly result: CommitResult;
};

/** Numbers that members of this process were told as generations; Kafka's own stays the same when a static member comes back. */
let lastGeneration = 0;

/**
 * One member of a group in this process, with the transactions that it commits by. What it was told last is the generation that commits name; Kafka's
 * own may rise meanwhile (in rounds in which nobody loses anything yet), and is what the offsets are committed under.
 */
export class Seat {
  readonly spec: GroupSpec;
  /** Stands in the notes of its commits. */
  readonly name = randomBytes(9).toString("base64url");
  /** What its transactions go through. */
  readonly client: KafkaClient;
  readonly checkpoints: Checkpoints;
  /** Kafka's ids of the changelogs, by name. */
  readonly changelogs: ReadonlyMap<string, string>;
  readonly transactions: TransactionManager;
  /** Set right behind the construction: a member needs the seat's hooks first. */
  member!: GroupMember;
  ended: string | undefined;
  readonly #hooks: MembershipHooks;
  #generation = 0;
  /** The generation since which it was told to own each task without a break. */
  #told: ReadonlyMap<TaskId, number> = new Map();
  readonly #last = new Map<TaskId, LastCommit>();
  #commits: Promise<unknown> = Promise.resolve();

  constructor(spec: GroupSpec, hooks: MembershipHooks, parts: Pick<Seat, "client" | "checkpoints" | "changelogs" | "transactions">) {
    this.spec = spec;
    this.#hooks = hooks;
    this.client = parts.client;
    this.checkpoints = parts.checkpoints;
    this.changelogs = parts.changelogs;
    this.transactions = parts.transactions;
  }

  /** What the group member calls; the contract's hooks behind them. */
  get hooks(): Pick<GroupHooks, "assigned" | "revoking" | "lost" | "failed"> {
    return {
      assigned: (tasks) => {
        this.#generation = ++lastGeneration;
        this.#told = new Map(tasks.map((task) => [task, this.#told.get(task) ?? this.#generation]));
        for (const task of this.#last.keys()) if (!this.#told.has(task)) this.#last.delete(task);
        return this.#hooks.assigned(tasks, this.#generation);
      },
      revoking: async (tasks) => {
        await this.#hooks.revoking(tasks);
        await this.#settled();
        this.#take(tasks);
      },
      lost: async (tasks) => {
        this.#take(tasks);
        await this.#hooks.lost(tasks);
      },
      failed: (error) => this.end(error.message),
    };
  }

  /** The membership is over for good: told once. */
  end(reason: string): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.#take([...this.#told.keys()]);
    this.#hooks.ended(reason);
  }

  speaksFor({ generation, group }: Commit): boolean {
    return this.spec.group === group && this.#generation === generation;
  }

  /** Why the commit must not be made, if so. One that was begun under its generation goes on in a later one, if its tasks have stayed all the time. */
  refusal({ generation, tasks }: Commit, tries: number): string | undefined {
    if (this.ended !== undefined) return this.ended;
    if (tries === 1 && generation !== this.#generation) return `generation ${generation} is not the current one of ${this.spec.member}`;
    const stranger = tasks.find(({ task }) => (this.#told.get(task) ?? Infinity) > generation || !this.member.owns(task));
    return stranger === undefined ? undefined : `task ${stranger.task} does not belong to ${this.spec.member}`;
  }

  /** Runs commits one at a time. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#commits.then(run);
    this.#commits = result.catch(() => undefined);
    return result;
  }

  /** The last commit of each task; read back where it is not known. */
  async lastOf(tasks: readonly TaskCommit[]): Promise<readonly LastCommit[]> {
    const unknown = tasks.filter(({ task }) => !this.#last.has(task));
    if (unknown.length > 0) {
      for (const { task, number, changelogNumber } of await this.checkpoints.read(unknown.map(({ task }) => task))) {
        this.#last.set(task, { number, changelogNumber, fingerprint: "", result: { kind: "committed", written: [] } });
      }
    }
    return tasks.map(({ task }) => this.#last.get(task)!);
  }

  /** Remembers a commit that is durable; `logged` are those of its tasks that wrote to the changelog. */
  committed(commit: Commit, logged: ReadonlySet<TaskId>, result: CommitResult): void {
    const fingerprint = fingerprintOf(commit);
    for (const { task, number } of commit.tasks) {
      // Lost while it was made: others may have gone on with it before it comes back.
      if (!this.#told.has(task)) continue;
      const changelogNumber = logged.has(task) ? number : (this.#last.get(task)?.changelogNumber ?? 0n);
      this.#last.set(task, { number, changelogNumber, fingerprint, result });
    }
  }

  /** What the group's offsets say counts: who owned a task meanwhile may have gone on with it. */
  noted(task: TaskId, number: bigint): void {
    if (this.#last.get(task)?.number !== number) this.#last.delete(task);
  }

  /** What is known of the last commits may be wrong. */
  forget(tasks: readonly TaskCommit[]): void {
    for (const { task } of tasks) this.#last.delete(task);
  }

  async #settled(): Promise<void> {
    await this.#commits;
  }

  #take(tasks: readonly TaskId[]): void {
    const told = new Map(this.#told);
    for (const task of tasks) {
      told.delete(task);
      this.#last.delete(task);
    }
    this.#told = told;
  }
}
