import { splitTaskId, type TaskId } from "#broker/broker.ts";
import { FlowNetwork } from "./flow-network.ts";
import { compareTasks } from "./task-list.ts";

export type AssignableMember = {
  /** What stays the same when a member is started again. */
  readonly id: string;
  readonly owned: Iterable<TaskId>;
  /** Tasks whose state the member has, and how far it is behind: any number from 0, the same unit from every member. */
  readonly held: ReadonlyMap<TaskId, number>;
};

/**
 * Shares tasks among members; the same answer whatever the order of members and tasks. In this order of importance:
 * 1. each member gets ⌊n/m⌋ or ⌈n/m⌉ of all tasks and of each sub-topology's  2. as many tasks as possible stay with their owners
 * 3. the others go to who has their state, least behind.
 *
 * It is the cheapest flow from members over (member, sub-topology) to tasks, so each of the three is met as well as it can be. Who takes an
 * answer in two steps (first what stays, then what moves) gets the same balance in the second and no further moves [K31].
 */
export function assignTasks(members: readonly AssignableMember[], tasks: readonly TaskId[]): ReadonlyMap<string, readonly TaskId[]> {
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const order = tasks.toSorted(compareTasks);
  const subTopologies = [...Map.groupBy(order, (task) => splitTaskId(task).subTopology).values()];
  const nodes = new NodeNumbers(sorted.length, subTopologies.length, order.length);
  const network = new FlowNetwork(nodes.count);
  const costs = costsFor(order.length);
  const even = evenShare(costs.floor);
  const found: { readonly member: number; readonly task: TaskId; readonly edge: number }[] = [];
  const pools: { readonly member: number; readonly subTopology: number; readonly edge: number }[] = [];

  for (const [m] of sorted.entries()) even(network, [nodes.source, nodes.member(m)], order.length / sorted.length);
  let number = 0;
  for (const [s, own] of subTopologies.entries()) {
    const numbers = new Map(own.map((task, i) => [task, number + i]));
    number += own.length;
    for (const [m, member] of sorted.entries()) {
      even(network, [nodes.member(m), nodes.share(m, s)], own.length / sorted.length);
      const owned = new Set(member.owned);
      for (const [task, i] of numbers) {
        const lag = member.held.get(task);
        if (!owned.has(task) && lag === undefined) continue;
        const cost = owned.has(task) ? -costs.owner : costs.lag(lag!);
        found.push({ member: m, task, edge: network.addEdge(nodes.share(m, s), nodes.task(i), { capacity: 1, cost }) });
      }
      // Who neither owns a task nor has its state is like any other: one edge to all tasks of the sub-topology.
      const edge = network.addEdge(nodes.share(m, s), nodes.pool(s), { capacity: own.length, cost: costs.stranger });
      pools.push({ member: m, subTopology: s, edge });
    }
    for (const i of numbers.values()) {
      network.addEdge(nodes.pool(s), nodes.task(i), { capacity: 1, cost: 0 });
      network.addEdge(nodes.task(i), nodes.sink, { capacity: 1, cost: 0 });
    }
  }
  network.send(nodes.source, nodes.sink, order.length);

  const shares = sorted.map((): TaskId[] => []);
  const taken = new Set<TaskId>();
  for (const { member, task, edge } of found) {
    if (network.flowThrough(edge) === 0) continue;
    shares[member]!.push(task);
    taken.add(task);
  }
  const strangers = subTopologies.map((own) => own.filter((task) => !taken.has(task)));
  for (const { member, subTopology, edge } of pools) shares[member]!.push(...strangers[subTopology]!.splice(0, network.flowThrough(edge)));
  return new Map(sorted.map(({ id }, m) => [id, shares[m]!.toSorted(compareTasks)]));
}

/** Nodes by number: source, sink, members, members' shares of each sub-topology, sub-topologies' pools, tasks. */
class NodeNumbers {
  readonly source = 0;
  readonly sink = 1;
  readonly count;
  readonly #members;
  readonly #subTopologies;

  constructor(members: number, subTopologies: number, tasks: number) {
    this.#members = members;
    this.#subTopologies = subTopologies;
    this.count = 2 + members + members * subTopologies + subTopologies + tasks;
  }

  member(m: number): number {
    return 2 + m;
  }

  share(m: number, s: number): number {
    return 2 + this.#members + m * this.#subTopologies + s;
  }

  pool(s: number): number {
    return 2 + this.#members + this.#members * this.#subTopologies + s;
  }

  task(i: number): number {
    return this.pool(this.#subTopologies) + i;
  }
}

type Costs = {
  readonly floor: number;
  readonly owner: number;
  readonly stranger: number;
  readonly lag: (behind: number) => number;
};

/** What comes first outweighs everything behind it. Lags count by their logarithm: 64 steps for each doubling, at most 64 · 1024 of them. */
function costsFor(tasks: number): Costs {
  const stranger = 2 ** 17;
  const owner = stranger * (tasks + 1);
  const lag = (behind: number): number => Math.min(Math.round(64 * Math.log2(1 + Math.max(0, behind))), stranger / 2);
  return { floor: owner * (tasks + 2), owner, stranger, lag };
}

/** Lets ⌊share⌋ pass for a reward, so that nobody gets less, and one more where the share is no whole number. */
const evenShare =
  (reward: number) =>
  (network: FlowNetwork, [from, to]: readonly [number, number], share: number): void => {
    network.addEdge(from, to, { capacity: Math.floor(share), cost: -reward });
    if (share > Math.floor(share)) network.addEdge(from, to, { capacity: 1, cost: 0 });
  };
