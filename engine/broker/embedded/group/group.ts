import type { Commit, GroupSpec, Membership, MembershipHooks, TaskId } from "#broker/broker.ts";
import { assignTasks } from "./assignment.ts";
import { Member } from "./member.ts";

export type GroupOptions = {
  readonly generation: number;
  readonly revokeTimeoutMs: number;
  /** Does all commits called so far under the old generation, then makes the new one durable. */
  readonly raise: (generation: number, tasks: GroupSpec["tasks"]) => void;
};

/** Who owns which task. Each change of it is a rebalance, which raises the generation by one; rebalances run one behind the other. */
export class Group {
  readonly #options;
  #generation: number;
  #tasks: GroupSpec["tasks"] = [];
  #members: ReadonlyMap<string, Member> = new Map();
  #owners: ReadonlyMap<TaskId, Member> = new Map();
  #rebalancing: Promise<unknown> = Promise.resolve();

  constructor(options: GroupOptions) {
    this.#options = options;
    this.#generation = options.generation;
  }

  async join(spec: GroupSpec, hooks: MembershipHooks): Promise<Membership> {
    const member = new Member(spec.member, hooks);
    const rebalanced = this.#enqueue(() => this.#rebalance(new Map(this.#members).set(member.id, member), spec.tasks));
    const assigned = await rebalanced;
    const leave = (): Promise<void> => this.#enqueue(() => this.#leave(member));
    try {
      await assigned.get(member);
    } catch (error) {
      await leave();
      throw error;
    }
    return { leave };
  }

  /** Why the commit must not be made, if so. */
  refusal({ generation, tasks }: Commit): string | undefined {
    if (generation !== this.#generation) return `generation ${generation} is not the current one, ${this.#generation}`;
    const stranger = tasks.find(({ task }) => this.#owners.get(task) === undefined);
    if (stranger !== undefined) return `task ${stranger.task} belongs to nobody in generation ${generation}`;
    const owners = new Set(tasks.map(({ task }) => this.#owners.get(task)));
    return owners.size > 1 ? `the tasks belong to different members in generation ${generation}` : undefined;
  }

  #enqueue<T>(change: () => Promise<T>): Promise<T> {
    const run = this.#rebalancing.then(change);
    this.#rebalancing = run.catch(() => undefined);
    return run;
  }

  async #leave(member: Member): Promise<void> {
    if (this.#members.get(member.id) !== member) return;
    const rest = new Map(this.#members);
    rest.delete(member.id);
    await this.#rebalance(rest, this.#tasks);
  }

  /**
   * 1. who loses tasks is asked to give them back, and waited for  2. the generation rises  3. who is gone or too late is told what it lost
   * 4. everyone is told what it owns now. Answers the promises of step 4, of which only that of a new member is waited for.
   */
  async #rebalance(members: ReadonlyMap<string, Member>, tasks: GroupSpec["tasks"]): Promise<ReadonlyMap<Member, Promise<void>>> {
    const before = this.#shares();
    const ownerIds = new Map([...this.#owners].map(([task, owner]) => [task, owner.id]));
    const shares = assignTasks(
      tasks.map(({ task }) => task),
      [...members.keys()],
      ownerIds,
    );
    const late = new Map<Member, readonly TaskId[]>();
    const revoked = [...before].map(async ([member, owned]) => {
      // A member that was replaced under its own name is another process by now: nothing is asked of it.
      if (members.has(member.id) && members.get(member.id) !== member) return void late.set(member, owned);
      const keeps = new Set(shares.get(member.id));
      const leaving = owned.filter((task) => !keeps.has(task));
      if (leaving.length > 0 && !(await member.revoking(leaving, this.#options.revokeTimeoutMs))) late.set(member, leaving);
    });
    await Promise.all(revoked);
    try {
      this.#options.raise(this.#generation + 1, tasks);
    } catch (error) {
      // Nothing has changed hands: who gave tasks back has them again.
      for (const [member, owned] of before) ignoreFailure(member.assigned(owned, this.#generation));
      throw error;
    }
    this.#generation += 1;
    this.#members = members;
    this.#tasks = tasks;
    this.#owners = new Map([...shares].flatMap(([id, share]) => share.map((task) => [task, members.get(id)!] as const)));
    for (const [member, gone] of late) ignoreFailure(member.lost(gone));
    for (const member of before.keys())
      if (members.has(member.id) && members.get(member.id) !== member)
        ignoreFailure(member.ended(`another process joined the group as ${member.id}`));
    const assigned = new Map<Member, Promise<void>>();
    for (const member of members.values()) {
      const told = member.assigned(shares.get(member.id)!, this.#generation);
      assigned.set(member, told);
      // A member that cannot take its tasks is no member; the one that joins hears of it through its promise.
      told.catch(() => this.#enqueue(() => this.#leave(member)).catch(() => undefined));
    }
    return assigned;
  }

  #shares(): ReadonlyMap<Member, readonly TaskId[]> {
    const shares = new Map<Member, TaskId[]>([...this.#members.values()].map((member) => [member, []]));
    for (const [task, owner] of this.#owners) shares.get(owner)?.push(task);
    return shares;
  }
}

function ignoreFailure(promise: Promise<void>): void {
  promise.catch(() => undefined);
}
