import type { TaskCommit, TaskId } from "#broker/broker.ts";

/** What one durable commit of a task changed in its stores: deltas as `store-delta.ts` frames them, not to be changed. */
export type CommittedChanges = Pick<TaskCommit, "task" | "number" | "changes">;

/**
 * Hears what the tasks of one sub-topology commit. Called synchronously, behind the commit and before any question about committed state is answered;
 * what it throws ends the worker, so it throws nothing. It must not take long: the worker waits.
 */
export interface CommitWatcher {
  /** The task is open here as of commit `number`; the next one heard is above it. Told of each task that is open when the watching begins. */
  opened(task: TaskId, number: bigint): void;
  /** Once for each durable commit of an open task, in their order. */
  committed(commit: CommittedChanges): void;
  /** The task is not here any more, or is about to begin anew: what it commits until it is `opened` again is not heard. */
  closed(task: TaskId): void;
}

type OpenTask = { readonly id: TaskId; readonly commitNumber: bigint; readonly plan: { readonly id: string } };

/** Who watches which sub-topology. Costs one look a commit where nobody watches. */
export class CommitWatches {
  private readonly watchers = new Map<string, Set<CommitWatcher>>();

  /** Begins to watch; the answer ends it. */
  watch(subTopology: string, watcher: CommitWatcher, tasks: Iterable<OpenTask>): () => void {
    const set = this.watchers.get(subTopology) ?? new Set();
    this.watchers.set(subTopology, set.add(watcher));
    for (const { id, commitNumber, plan } of tasks) if (plan.id === subTopology) watcher.opened(id, commitNumber);
    return () => {
      if (set.delete(watcher) && set.size === 0) this.watchers.delete(subTopology);
    };
  }

  opened({ id, commitNumber }: OpenTask): void {
    for (const watcher of this.of(id)) watcher.opened(id, commitNumber);
  }

  committed(commits: readonly CommittedChanges[]): void {
    if (this.watchers.size === 0) return;
    for (const commit of commits) for (const watcher of this.of(commit.task)) watcher.committed(commit);
  }

  closed(task: TaskId): void {
    for (const watcher of this.of(task)) watcher.closed(task);
  }

  /** A list of its own: a watcher may leave while it hears. */
  private of(task: TaskId): readonly CommitWatcher[] {
    if (this.watchers.size === 0) return none;
    const set = this.watchers.get(task.slice(0, task.lastIndexOf("/")));
    return set === undefined ? none : [...set];
  }
}

const none: readonly CommitWatcher[] = [];
