import type { Plan } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import type { SlicePosition, StreamAnswer, StreamAnswerer, StreamRequest } from "../stream/stream-request.ts";
import { MergedFeed } from "./merged-feed.ts";
import { sharesAmong } from "./shares-among.ts";
import type { Across } from "./shown-across.ts";

export type ClusterStreamsOptions = Pick<Across, "plan" | "ownerOf"> & {
  readonly queries: readonly QueryPlan[];
  /** Whose commits are numbered: the same for every process of the topology, another one for any other. */
  readonly log: string;
};

type Slices = Extract<StreamRequest, { kind: "slice" }>;

/** Before the first row of a share. */
const beginning = { windowStart: -1, key: "", rows: 0 } as const;

/**
 * Tells what changes from whoever owns the tasks of a query, as one worker with all of them would. A feed lasts as long as its owners: commits are numbered
 * alike on all of them, so readers go on behind it where nothing has changed meanwhile, and begin anew where something has.
 */
export class ClusterStreams implements StreamAnswerer {
  readonly #options: ClusterStreamsOptions;
  readonly #queries: ReadonlyMap<string, QueryPlan>;
  readonly #partitions: ReadonlyMap<string, readonly number[]>;
  /** The newest of each query: nobody asks for an older one. */
  readonly #feeds = new Map<string, { readonly id: number; readonly feed: MergedFeed }>();
  #begun = 0;

  constructor(options: ClusterStreamsOptions) {
    this.#options = options;
    this.#queries = new Map(options.queries.map((query) => [query.name, query]));
    this.#partitions = new Map(partitionsOf(options.plan));
  }

  async stream(request: StreamRequest, signal: AbortSignal): Promise<StreamAnswer> {
    const query = this.#queries.get(request.query);
    if (query === undefined) return { kind: "unavailable", detail: `the engine has no query "${request.query}"` };
    switch (request.kind) {
      case "begin":
        return this.#begin(query, signal);
      case "changes": {
        const one = this.#feeds.get(query.name);
        if (one === undefined || one.id !== request.feed) return { kind: "ended" };
        return one.feed.changes(request.maxWaitMs, signal);
      }
      case "slice":
        return this.#slice(query, request, signal);
    }
  }

  async #begin(query: QueryPlan, signal: AbortSignal): Promise<StreamAnswer> {
    this.#feeds.get(query.name)?.feed.end();
    this.#feeds.delete(query.name);
    const { ownerOf, log } = this.#options;
    const shares = sharesAmong(this.#options, query, this.#partitions.get(query.subTopology)!);
    if ("kind" in shares) return shares;
    // Asked first: those that are there would gather changes for nobody while another is not.
    const ask = { kind: "as-of", query: query.name } as const;
    const there = await Promise.all(Array.from(shares, ([owner, partitions]) => owner.ask({ ...ask, partitions }, signal)));
    const away = there.find((answer) => answer.kind === "unavailable");
    if (away !== undefined) return away;
    const begun = await MergedFeed.begin({ query, shares, ownerOf }, signal);
    if ("kind" in begun) return begun;
    const id = ++this.#begun;
    this.#feeds.set(query.name, { id, feed: begun.feed });
    return { kind: "began", feed: id, log, at: begun.feed.place, unchangedSince: begun.unchangedSince };
  }

  /** Rows of one share behind the other: they are told by their keys, so their order says nothing. */
  async #slice(query: QueryPlan, { position, ...request }: Slices, signal: AbortSignal): Promise<StreamAnswer> {
    const feed = this.#feeds.get(query.name)?.feed;
    const shares = position?.shares ?? feed?.shares;
    const [under, ...behind] = shares ?? [];
    const owner = under === undefined ? undefined : this.#options.ownerOf(query.subTopology, under[0]!);
    if (feed === undefined || under === undefined || owner === undefined) return moved(query);
    const row = position === undefined ? undefined : { windowStart: position.windowStart, key: position.key, rows: position.rows };
    const answer = await owner.ask({ kind: "stream", asked: { ...request, partitions: under, position: row } }, signal);
    if (answer.kind === "unavailable") return answer;
    if (answer.kind !== "stream" || answer.told.kind !== "slice") return answer.kind === "stream" ? answer.told : moved(query);
    const { told } = answer;
    // Some of what was read by now is as new as the newest that anybody has been told of.
    const at = feed.reached(under, told.at);
    const next: SlicePosition | undefined =
      told.next !== undefined ? { ...told.next, shares: shares! } : behind.length > 0 ? { ...beginning, shares: behind } : undefined;
    return { ...told, at, next };
  }
}

const partitionsOf = ({ subTopologies }: Plan): readonly (readonly [string, readonly number[]])[] =>
  subTopologies.map(({ id, partitions }) => [id, Array.from({ length: partitions }, (_, partition) => partition)]);

const moved = ({ name }: QueryPlan): StreamAnswer => ({
  kind: "unavailable",
  code: "QUERY_OWNER_MOVED",
  detail: `the tasks of "${name}" are on their way to others`,
});
