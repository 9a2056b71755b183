/**
 * A network of edges with capacities and costs, through which flow is sent as cheaply as possible: one shortest path after the other,
 * by Bellman-Ford with a queue, since costs may be negative. There must be no cycle of negative cost to begin with.
 */
export class FlowNetwork {
  readonly #edgesOf: number[][];
  readonly #to: number[] = [];
  readonly #capacity: number[] = [];
  readonly #cost: number[] = [];

  constructor(nodes: number) {
    this.#edgesOf = Array.from({ length: nodes }, () => []);
  }

  /** The number of the new edge; its way back is the number after it. */
  addEdge(from: number, to: number, { capacity, cost }: { readonly capacity: number; readonly cost: number }): number {
    const edge = this.#to.length;
    this.#to.push(to, from);
    this.#capacity.push(capacity, 0);
    this.#cost.push(cost, -cost);
    this.#edgesOf[from]!.push(edge);
    this.#edgesOf[to]!.push(edge + 1);
    return edge;
  }

  flowThrough(edge: number): number {
    return this.#capacity[edge + 1]!;
  }

  /** Sends up to `amount` units and answers how many found a way. */
  send(source: number, sink: number, amount: number): number {
    let sent = 0;
    while (sent < amount) {
      const path = this.#cheapestPath(source, sink);
      if (path === undefined) break;
      const units = path.reduce((least, edge) => Math.min(least, this.#capacity[edge]!), amount - sent);
      for (const edge of path) {
        this.#capacity[edge]! -= units;
        this.#capacity[edge ^ 1]! += units;
      }
      sent += units;
    }
    return sent;
  }

  #cheapestPath(source: number, sink: number): readonly number[] | undefined {
    const nodes = this.#edgesOf.length;
    const distances = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    const cameBy = new Int32Array(nodes).fill(-1);
    const waiting = new Uint8Array(nodes);
    const queue = [source];
    distances[source] = 0;
    for (let head = 0; head < queue.length; head++) {
      const node = queue[head]!;
      waiting[node] = 0;
      for (const edge of this.#edgesOf[node]!) {
        const next = this.#to[edge]!;
        const distance = distances[node]! + this.#cost[edge]!;
        if (this.#capacity[edge]! === 0 || distance >= distances[next]!) continue;
        distances[next] = distance;
        cameBy[next] = edge;
        if (waiting[next] === 0) queue.push(next);
        waiting[next] = 1;
      }
    }
    if (distances[sink] === Number.POSITIVE_INFINITY) return undefined;
    const path: number[] = [];
    for (let node = sink; node !== source; node = this.#to[cameBy[node]! ^ 1]!) path.push(cameBy[node]!);
    return path;
  }
}
