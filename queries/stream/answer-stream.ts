import { setTimeout as sleep } from "node:timers/promises";
import type { ReadableTask, Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { defaultSlice, type SliceLimits } from "../slice.ts";
import type { Unavailable } from "../task-reader.ts";
import { untilAborted } from "../until-aborted.ts";
import { ChangeFeed, defaultFeedLimits, type FeedLimits } from "./change-feed.ts";
import { rowSlice } from "./row-slice.ts";
import type { StreamAnswer, StreamAnswerer, StreamRequest } from "./stream-request.ts";

/** Runs `read` at a committed moment on the tasks that are asked for, if all of them are here and run, and, of some partitions, no others. */
type OnTasks = <T>(
  query: QueryPlan,
  asked: { readonly partitions: readonly number[] | undefined; readonly signal: AbortSignal },
  read: (tasks: readonly ReadableTask[]) => T,
) => Promise<T | Unavailable>;

export type StreamAnswererOptions = {
  readonly worker: Pick<Worker, "watch">;
  readonly onTasks: OnTasks;
  readonly queries: readonly QueryPlan[];
  /** Identity of the log: commits of another one have numbers of their own. */
  readonly log: string;
  readonly slice?: Partial<SliceLimits>;
  readonly feed?: Partial<FeedLimits>;
  /** Milliseconds of any clock that is never set back. */
  readonly nowMs?: () => number;
};

/** Tells on the engine's own thread what changes, for as long as somebody asks. A query that nobody reads costs nothing. */
export function createStreamAnswerer(options: StreamAnswererOptions): StreamAnswerer {
  const { worker, onTasks, queries, log, nowMs = () => performance.now() } = options;
  const byName = new Map(queries.map((query) => [query.name, query]));
  const slice: SliceLimits = { ...defaultSlice, ...options.slice };
  const limits: FeedLimits = { ...defaultFeedLimits, ...options.feed };
  const feeds = new Map<number, { readonly feed: ChangeFeed; readonly query: QueryPlan; restUntilMs: number }>();
  let begun = 0;

  const begin = async (query: QueryPlan, asked: Parameters<OnTasks>[1]): Promise<StreamAnswer> => {
    for (const [id, { feed }] of feeds) if (feed.ended) feeds.delete(id);
    // Watching begins at the moment that is read, when no commit is under way: nothing lies between the two.
    return onTasks(query, asked, (tasks: readonly ReadableTask[]): StreamAnswer => {
      const feed = new ChangeFeed(query, worker, { limits, nowMs });
      const id = ++begun;
      feeds.set(id, { feed, query, restUntilMs: 0 });
      return { kind: "began", feed: id, log, ...feed.begin(tasks) };
    });
  };

  const changes = async (request: Extract<StreamRequest, { kind: "changes" }>, signal: AbortSignal): Promise<StreamAnswer> => {
    const one = feeds.get(request.feed);
    if (one === undefined || one.query.name !== request.query) return { kind: "ended" };
    const { feed, query } = one;
    await untilAborted(signal, Promise.race([feed.stir(), sleep(request.maxWaitMs, undefined, { signal })]));
    const rest = Math.min(one.restUntilMs - nowMs(), 2000);
    if (rest > 0) await sleep(rest, undefined, { signal });
    if (!feed.ended) {
      let tookMs = 0;
      try {
        const told = await feed.tell<Unavailable>((read) =>
          onTasks(query, { partitions: request.partitions, signal }, (tasks) => {
            const from = nowMs();
            const answer = read(tasks);
            tookMs += nowMs() - from;
            return answer;
          }),
        );
        one.restUntilMs = nowMs() + Math.max(limits.paceMs, tookMs * limits.restFactor);
        if (told.kind === "changes" && !feed.ended) return told;
      } catch (error) {
        feed.end();
        throw error;
      }
    }
    // Taken and not told would be a gap: a feed that could not tell all it took is over.
    feed.end();
    feeds.delete(request.feed);
    return { kind: "ended" };
  };

  return {
    stream: async (request, signal) => {
      const query = byName.get(request.query);
      if (query === undefined) return { kind: "unavailable", detail: `the engine has no query "${request.query}"` };
      const asked = { partitions: request.partitions, signal };
      switch (request.kind) {
        case "begin":
          return begin(query, asked);
        case "changes":
          return changes(request, signal);
        case "slice":
          return onTasks(query, asked, (tasks) => rowSlice(query, tasks, request, slice));
      }
    },
  };
}
