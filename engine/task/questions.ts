import type { Position, TaskId } from "#broker/broker.ts";
import { type Asked, CommittedReads, type StoreAccess } from "./committed-reads.ts";
import type { OwnedTasks } from "./owned-tasks.ts";
import type { Plan } from "./plan.ts";
import { ReadYourWrites } from "./read-your-writes.ts";

/** What others want to know of a worker's tasks: their committed state, at once or as soon as it shows certain positions. */
export class Questions {
  private readonly owned: OwnedTasks;
  private readonly reads = new CommittedReads();
  private readonly writes: ReadYourWrites;
  /** The ends that commits of this worker have left, by topic and partition. */
  private readonly written = new Map<string, bigint>();
  private readonly ring: () => void;

  /** `ring`: there is something to answer. */
  constructor(plan: Plan, owned: OwnedTasks, ring: () => void) {
    this.owned = owned;
    this.ring = ring;
    this.writes = new ReadYourWrites(plan, {
      committed: (subTopology, topic, partition) => owned.queueOf(subTopology, topic, partition)?.committedPosition,
      sealed: (subTopology, topic, partition) => owned.queueOf(subTopology, topic, partition)?.sealedPosition,
      end: (subTopology, topic, partition) => this.endOf(subTopology, topic, partition),
    });
  }

  /** Any that could be answered now, were nothing uncommitted. */
  get pending(): boolean {
    return this.reads.pending;
  }

  /** Any that a moment is to be made for at which no commit is under way. */
  get pendingAtRest(): boolean {
    return this.reads.pendingAtRest;
  }

  read<T>(fn: (stores: StoreAccess) => T): Promise<T> {
    const { answer } = this.reads.ask(fn, { atRest: true });
    this.ring();
    return answer;
  }

  readAfter<T>(subTopology: string, positions: readonly Position[], fn: (stores: StoreAccess) => T): Asked<T> {
    const wait = this.writes.after(subTopology, positions);
    const asked = this.reads.ask(fn, { waiter: wait.waiter });
    void wait.done.then(this.ring);
    return {
      answer: asked.answer,
      cancel: () => {
        wait.cancel();
        asked.cancel();
      },
    };
  }

  after(subTopology: string, positions: readonly Position[]): { readonly done: Promise<void>; cancel(): void } {
    return this.writes.after(subTopology, positions);
  }

  /** A commit of `sealed` was taken: where nothing is left out of it, what is asked is read now, and told when it is durable. */
  commitTaken(sealed: readonly TaskId[]): void {
    this.writes.settle();
    if (this.owned.dirty || this.owned.failed().length > 0) return;
    this.reads.hold(this.owned.all.values(), new Set(sealed), (waiter) => this.writes.metBySealed(waiter));
  }

  /** It is durable, and these are the ends that it left. */
  committed(written: readonly Position[]): void {
    for (const { topic, partition, offset } of written) this.written.set(`${topic} ${partition}`, offset);
    this.reads.release();
    this.writes.settle();
  }

  /** It never was. */
  givenBack(): void {
    this.reads.giveBack();
  }

  /** Looks again at who waits, after a fetch. */
  settle(): void {
    this.writes.settle();
  }

  /** Answers what can be answered; nothing is uncommitted. */
  answer(): void {
    this.reads.answer(this.owned.all.values());
  }

  /** What waits, and what is asked from now on, is told that the worker has stopped. */
  end(): void {
    this.reads.end();
  }

  private endOf(subTopology: string, topic: string, partition: number): bigint | undefined {
    const queue = this.owned.queueOf(subTopology, topic, partition);
    if (queue === undefined || (queue.more === undefined && queue.end === 0n)) return undefined;
    const written = this.written.get(`${topic} ${partition}`) ?? 0n;
    return written > queue.end ? written : queue.end;
  }
}
