import type { Position } from "#broker/broker.ts";
import type { Plan } from "./plan.ts";

type Condition = { readonly subTopology: string; readonly topic: string; readonly partition: number; readonly offset: bigint };
type Open = { open: Condition[]; met: boolean; readonly target: string; readonly settle: () => void };
/** Who waits for positions to be shown. */
export type Waiter = { readonly met: boolean };
/** What is known of an input of a sub-topology's task; undefined while it is not known yet. */
export interface KnownInputs {
  /** Its reader has committed past everything before this offset. */
  committed(subTopology: string, topic: string, partition: number): bigint | undefined;
  /** The same as it will be when the commit that was taken last is durable. */
  sealed(subTopology: string, topic: string, partition: number): bigint | undefined;
  /** The partition's end, not older than the last commit of this process that wrote to it. */
  end(subTopology: string, topic: string, partition: number): bigint | undefined;
}

/**
 * Waits until what lies at given positions has reached a sub-topology: its readers have committed past the positions, and each task further down has
 * committed past the ends that those commits left in its inputs.
 */
export class ReadYourWrites {
  private readonly plan: Plan;
  private readonly inputs: KnownInputs;
  private readonly waiters = new Set<Open>();
  /** For each sub-topology, those that can be reached from it through repartitions, itself included. */
  private readonly reaches: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(plan: Plan, inputs: KnownInputs) {
    this.plan = plan;
    this.inputs = inputs;
    this.reaches = reachable(plan);
  }

  /** Settles when `target` shows what lies before or at `positions`; never when a task on the way stands still. */
  after(target: string, positions: readonly Position[]): { readonly done: Promise<void>; readonly waiter: Waiter; cancel(): void } {
    const { promise: done, resolve: settle } = Promise.withResolvers<void>();
    const open = positions.flatMap(({ topic, partition, offset }) =>
      this.readersOf(topic, target).map((subTopology) => ({ subTopology, topic, partition, offset: offset + 1n })),
    );
    const waiter: Open = { open, met: false, target, settle };
    this.waiters.add(waiter);
    this.check(waiter);
    return { done, waiter, cancel: () => void this.waiters.delete(waiter) };
  }

  /** Whether it is met as soon as the commit that was taken last is durable: where that writes anything down the way, only the next one can tell. */
  metBySealed(waiter: Waiter): boolean {
    const { open, target } = waiter as Open;
    return open.every(
      ({ subTopology, topic, partition, offset }) =>
        subTopology === target && (this.inputs.sealed(subTopology, topic, partition) ?? -1n) >= offset,
    );
  }

  /** Looks at all waiters again, after a commit or a fetch. */
  settle(): void {
    for (const waiter of this.waiters) this.check(waiter);
  }

  get waiting(): number {
    return this.waiters.size;
  }

  private check(waiter: Open): void {
    let moved = true;
    while (moved) {
      moved = false;
      const open: Condition[] = [];
      for (const condition of waiter.open) {
        const next = this.isMet(condition) ? this.behind(condition.subTopology, waiter.target) : undefined;
        if (next === undefined) open.push(condition);
        else {
          open.push(...next);
          moved = true;
        }
      }
      waiter.open = open;
    }
    if (waiter.open.length > 0) return;
    this.waiters.delete(waiter);
    waiter.met = true;
    waiter.settle();
  }

  private isMet({ subTopology, topic, partition, offset }: Condition): boolean {
    return (this.inputs.committed(subTopology, topic, partition) ?? -1n) >= offset;
  }

  /** What is to be waited for once this sub-topology has committed; undefined while an end is not known. */
  private behind(subTopology: string, target: string): Condition[] | undefined {
    const conditions: Condition[] = [];
    if (subTopology === target) return conditions;
    const plan = this.plan.subTopologies.find(({ id }) => id === subTopology)!;
    for (const { topic, partitions } of plan.sinks) {
      for (const reader of this.readersOf(topic, target)) {
        for (let partition = 0; partition < partitions; partition++) {
          const offset = this.inputs.end(reader, topic, partition);
          if (offset === undefined) return undefined;
          conditions.push({ subTopology: reader, topic, partition, offset });
        }
      }
    }
    return conditions;
  }

  private readersOf(topic: string, target: string): string[] {
    return this.plan.subTopologies
      .filter(({ id, sources }) => this.reaches.get(id)!.has(target) && sources.some((source) => source.topic === topic))
      .map(({ id }) => id);
  }
}

function reachable(plan: Plan): ReadonlyMap<string, ReadonlySet<string>> {
  const reaches = new Map<string, Set<string>>();
  const visit = (id: string): Set<string> => {
    const known = reaches.get(id);
    if (known !== undefined) return known;
    const reached = new Set([id]);
    reaches.set(id, reached);
    const written = new Set(plan.subTopologies.find((sub) => sub.id === id)!.sinks.map(({ topic }) => topic));
    for (const sub of plan.subTopologies) {
      if (sub.sources.some(({ topic }) => written.has(topic))) for (const further of visit(sub.id)) reached.add(further);
    }
    return reached;
  };
  for (const { id } of plan.subTopologies) visit(id);
  return reaches;
}
