import { setTimeout as sleep } from "node:timers/promises";
import { type Plan, type ReadableTask, type Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { defaultSlice, type SliceLimits } from "../slice.ts";
import { taskReader, type Unavailable } from "../task-reader.ts";
import { untilAborted } from "../until-aborted.ts";
import { ChangeFeed, defaultFeedLimits, type FeedLimits } from "./change-feed.ts";
import { rowSlice } from "./row-slice.ts";
import type { StreamAnswer, StreamAnswerer, StreamRequest } from "./stream-request.ts";

export type StreamAnswererOptions = {
  readonly worker: Pick<Worker, "read" | "watch">;
  readonly plan: Plan;
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
  const { worker, plan, queries, log, nowMs = () => performance.now() } = options;
  const byName = new Map(queries.map((query) => [query.name, query]));
  const slice: SliceLimits = { ...defaultSlice, ...options.slice };
  const limits: FeedLimits = { ...defaultFeedLimits, ...options.feed };
  const onTasks = taskReader(worker, plan);
  const feeds = new Map<number, { readonly feed: ChangeFeed; readonly query: QueryPlan; restUntilMs: number }>();
  let begun = 0;

  const begin = async (query: QueryPlan, signal: AbortSignal): Promise<StreamAnswer> => {
    for (const [id, { feed }] of feeds) if (feed.ended) feeds.delete(id);
    // Watching begins at the moment that is read, when no commit is under way: nothing lies between the two.
    return onTasks(query, signal, (tasks: readonly ReadableTask[]): StreamAnswer => {
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
          onTasks(query, signal, (tasks) => {
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
      switch (request.kind) {
        case "begin":
          return begin(query, signal);
        case "changes":
          return changes(request, signal);
        case "slice":
          return onTasks(query, signal, (tasks) => rowSlice(query, tasks, request, slice));
      }
    },
  };
}
