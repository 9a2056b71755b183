import { type GroupSpec, taskId, type TaskId } from "#broker/broker.ts";
import { clusterSettings, uniqueName } from "#broker/kafka/proving/kafka-test.ts";
import { GroupMember } from "./group-member.ts";
import type { GroupHooks, GroupMemberSettings } from "./group-settings.ts";
import type { Rebalance } from "./rebalance.ts";

/** Tasks of these sub-topologies, each on as many partitions; each reads a topic of its own name. */
export function tasksOf(counts: Readonly<Record<string, number>>): GroupSpec["tasks"] {
  return Object.entries(counts).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, partition) => ({ task: taskId(name, partition), inputs: [{ topic: `test.${name}`, partition }] })),
  );
}

/** Who owns which task by what the hooks said; two owners of one task are remembered for ever. */
export class OwnerTable {
  readonly owners = new Map<TaskId, TestMember>();
  readonly violations: string[] = [];

  take(member: TestMember, tasks: readonly TaskId[]): void {
    for (const task of tasks) {
      const owner = this.owners.get(task);
      if (owner !== undefined && owner !== member) this.violations.push(`${task} is ${owner.name}'s and given to ${member.name}`);
      this.owners.set(task, member);
    }
  }

  release(member: TestMember, tasks: Iterable<TaskId> = this.owners.keys()): void {
    for (const task of tasks) if (this.owners.get(task) === member) this.owners.delete(task);
  }
}

export type TestSettings = Partial<GroupMemberSettings> & { readonly tasks: GroupSpec["tasks"]; readonly table?: OwnerTable };

/** A group of its own name, and its members. */
export class TestGroup {
  readonly name = uniqueName("group");
  readonly table = new OwnerTable();
  readonly members: TestMember[] = [];
  readonly #settings: TestSettings;

  constructor(settings: TestSettings) {
    this.#settings = settings;
  }

  member(instanceId: string, settings: Partial<TestSettings> = {}): TestMember {
    const timeouts = { sessionTimeoutMs: 2000, rebalanceTimeoutMs: 5000 };
    const all = {
      ...timeouts,
      cluster: clusterSettings(),
      group: this.name,
      instanceId,
      table: this.table,
      ...this.#settings,
      ...settings,
    };
    const member = new TestMember(all);
    this.members.push(member);
    return member;
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
  }
}

/** A member that remembers what it was told. */
export class TestMember implements GroupHooks {
  readonly name: string;
  readonly group: GroupMember;
  readonly told: string[] = [];
  readonly rebalances: Rebalance[] = [];
  readonly failures: Error[] = [];
  tasks: readonly TaskId[] = [];
  generation = 0;
  held: ReadonlyMap<TaskId, number> = new Map();
  onAssigned: () => Promise<void> = () => Promise.resolve();
  onRevoking: (tasks: readonly TaskId[]) => Promise<void> = () => Promise.resolve();
  readonly #table;
  #closed = false;

  constructor({ table = new OwnerTable(), ...settings }: GroupMemberSettings & { readonly table?: OwnerTable }) {
    this.name = settings.instanceId;
    this.#table = table;
    this.group = new GroupMember(settings, this);
  }

  async join(): Promise<this> {
    await this.group.join();
    return this;
  }

  async leave(): Promise<void> {
    await this.group.leave();
    this.#end();
  }

  /** As if it was killed: whoever takes over has to wait for the session's end. */
  async close(): Promise<void> {
    this.#end();
    await this.group.close();
  }

  async heldState(): Promise<ReadonlyMap<TaskId, number>> {
    return this.held;
  }

  async assigned(tasks: readonly TaskId[], generation: number): Promise<void> {
    if (this.#closed) return;
    this.#table.take(this, tasks);
    this.tasks = tasks;
    this.generation = generation;
    this.told.push(`assigned ${tasks.length}`);
    await this.onAssigned();
  }

  async revoking(tasks: readonly TaskId[]): Promise<void> {
    this.told.push(`revoking ${tasks.length}`);
    await this.onRevoking(tasks);
    this.#release(tasks);
    this.told.push(`revoked ${tasks.length}`);
  }

  async lost(tasks: readonly TaskId[]): Promise<void> {
    this.#release(tasks);
    this.told.push(`lost ${tasks.length}`);
  }

  rebalancing(): void {}

  rebalanced(rebalance: Rebalance): void {
    this.rebalances.push(rebalance);
  }

  failed(error: Error): void {
    this.failures.push(error);
  }

  #release(tasks: readonly TaskId[]): void {
    this.#table.release(this, tasks);
    this.tasks = this.tasks.filter((task) => !tasks.includes(task));
  }

  #end(): void {
    this.#closed = true;
    this.tasks = [];
    this.#table.release(this);
  }
}
