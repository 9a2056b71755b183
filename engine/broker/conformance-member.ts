import { setTimeout } from "node:timers/promises";
import {
  type Broker,
  type Commit,
  earliest,
  type GroupSpec,
  type Membership,
  type Position,
  type TaskCommit,
  taskId,
  type TaskId,
} from "./broker.ts";
import { orders, payments } from "./conformance-harness.ts";

export const group = "test-group";
/** Three tasks, each of which reads two topics. */
export const tasks: GroupSpec["tasks"] = [0, 1, 2].map((partition) => ({
  task: taskId("join", partition),
  inputs: [orders, payments].map((topic) => ({ topic, partition })),
}));
export const taskIds: readonly TaskId[] = tasks.map(({ task }) => task);

/** A member that remembers what it was told; `onRevoking` is what it does before it gives tasks back. */
export class TestMember {
  readonly told: string[] = [];
  generation = 0;
  tasks: readonly TaskId[] = [];
  onRevoking: (tasks: readonly TaskId[]) => Promise<void> = () => Promise.resolve();
  #membership: Membership | undefined;

  async join(broker: Broker, member: string, spec: Partial<GroupSpec> = {}): Promise<this> {
    this.#membership = await broker.join(
      { group, tasks, member, ...spec },
      {
        assigned: async (assigned, generation) => {
          this.generation = generation;
          this.tasks = assigned;
          this.told.push(`assigned ${assigned.length}`);
        },
        revoking: async (revoked) => {
          this.told.push(`revoking ${revoked.length}`);
          await this.onRevoking(revoked);
          this.told.push(`revoked ${revoked.length}`);
        },
        lost: async (lost) => void this.told.push(`lost ${lost.length}`),
        ended: () => void this.told.push("ended"),
      },
    );
    return this;
  }

  async leave(): Promise<void> {
    await this.#membership?.leave();
  }

  /** A commit of one task; what is not said is empty. */
  commitOf(task: TaskId, number: bigint, parts: Partial<TaskCommit & Pick<Commit, "watermarks">> = {}): Commit {
    const { watermarks = [], ...rest } = parts;
    const next: Position[] = tasks.find((each) => each.task === task)!.inputs.map((input) => ({ ...input, offset: 0n }));
    const commit: TaskCommit = { task, number, next, meta: new Uint8Array(0), changes: [], outputs: [], ...rest };
    return { group, generation: this.generation, tasks: [commit], watermarks };
  }
}

/** Where a task reads on: from its checkpoint, or from the beginning. */
export async function positionsOf(broker: Broker, task: TaskId): Promise<readonly Position[]> {
  const [checkpoint] = await broker.committed(group, [task]);
  if (checkpoint!.number > 0n) return checkpoint!.next;
  return tasks.find((each) => each.task === task)!.inputs.map((input) => ({ ...input, offset: earliest }));
}

/** Settles when the members own all tasks, each of them once: where members are told through a network, a little behind the call that changed them. */
export async function shared(...members: readonly TestMember[]): Promise<void> {
  const all = taskIds.toString();
  await until(
    () =>
      members
        .flatMap(({ tasks: owned }) => owned)
        .toSorted()
        .toString() === all,
    "each task has one owner",
  );
}

/** @throws {Error} it was not so within 20 s */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await setTimeout(5);
  }
}
