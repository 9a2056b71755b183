import { setTimeout as sleep } from "node:timers/promises";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import type { Began, Changes, Place, Progress, StreamAnswer, StreamUnavailable, WindowsBefore } from "../stream/stream-request.ts";
import { untilAborted } from "../until-aborted.ts";
import type { ShareOwner } from "./share.ts";
import type { Shares } from "./shares-among.ts";
import type { Across } from "./shown-across.ts";

type Part = {
  readonly owner: ShareOwner;
  readonly partitions: readonly number[];
  readonly feed: number;
  /** The question that is under way. */
  asking: Promise<void> | undefined;
  told: StreamAnswer | undefined;
};

export type MergedFeedParts = { readonly query: QueryPlan; readonly shares: Shares; readonly ownerOf: Across["ownerOf"] };

/** How long an owner is asked to wait at one go: whether it still has the tasks is looked at in between. */
const roundMs = 1000;
/** What several tell within this is told at once. */
const gatherMs = 10;

/** What the feeds of all owners of one query tell, as one. It ends when any of them does, or when a task has got another owner. */
export class MergedFeed {
  /** By partition, the newest commit of which all was told. */
  place: Place;
  readonly #query: QueryPlan;
  readonly #ownerOf: Across["ownerOf"];
  readonly #parts: readonly Part[];
  readonly #closing = new AbortController();
  /** By partition, the newest commit that anything was read of. */
  #reached: bigint[];
  #progress: { streamTime: number; finalBefore: number[] } = { streamTime: -1, finalBefore: [] };
  #asked = false;

  private constructor({ query, ownerOf }: MergedFeedParts, parts: readonly Part[], place: Place) {
    this.#query = query;
    this.#ownerOf = ownerOf;
    this.#parts = parts;
    this.place = place;
    this.#reached = [...place];
  }

  static async begin(
    parts: MergedFeedParts,
    signal: AbortSignal,
  ): Promise<{ readonly feed: MergedFeed; readonly unchangedSince: Place } | StreamUnavailable> {
    const begun = await Promise.all(
      Array.from(parts.shares, async ([owner, partitions]) => {
        const answer = await owner.ask({ kind: "stream", asked: { kind: "begin", query: parts.query.name, partitions } }, signal);
        return { owner, partitions, told: answer.kind === "stream" ? answer.told : answer };
      }),
    );
    const at: bigint[] = [];
    const since: bigint[] = [];
    const all: Part[] = [];
    for (const { owner, partitions, told } of begun) {
      if (told.kind === "unavailable") return told;
      if (told.kind !== "began") return { kind: "unavailable", detail: `${owner.name} gave another answer than was asked for` };
      place(at, partitions, told.at);
      place(since, partitions, told.unchangedSince);
      all.push({ owner, partitions, feed: told.feed, asking: undefined, told: undefined });
    }
    return { feed: new MergedFeed(parts, all, at), unchangedSince: since };
  }

  /** The partitions of each owner. */
  get shares(): readonly (readonly number[])[] {
    return this.#parts.map(({ partitions }) => partitions);
  }

  /** Takes how far one share was when it was read; answers how far everything was at most that was read by now. */
  reached(partitions: readonly number[], at: Place): Place {
    for (const [i, partition] of partitions.entries()) if (at[i]! > this.#reached[partition]!) this.#reached[partition] = at[i]!;
    return [...this.#reached];
  }

  end(): void {
    this.#closing.abort();
  }

  /** What any of them has told since the last answer; waits up to `maxWaitMs` for the first. */
  async changes(maxWaitMs: number, signal: AbortSignal): Promise<StreamAnswer> {
    const first = !this.#asked;
    this.#asked = true;
    for (const part of this.#parts) if (part.told === undefined) part.asking ??= this.#ask(part, first ? 0 : roundMs);
    const asked = this.#parts.map(({ asking, told }) => (told === undefined ? asking! : Promise.resolve()));
    const late = new AbortController();
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const rest = (ms: number): Promise<void> => sleep(ms, undefined, { signal: AbortSignal.any([ended, late.signal]) });
    try {
      // How far things have come is known when all have said it once.
      if (first) await untilAborted(ended, Promise.all(asked));
      else {
        await Promise.race([...asked, rest(maxWaitMs)]);
        await rest(gatherMs);
      }
    } finally {
      late.abort();
    }
    return this.#isOwned() ? this.#told() : this.#ended();
  }

  #told(): StreamAnswer {
    const keys: string[] = [];
    const texts: (string | null)[] = [];
    const expired: WindowsBefore[] = [];
    const at = [...this.place];
    for (const part of this.#parts) {
      const { told } = part;
      if (told === undefined) continue;
      part.told = undefined;
      if (told.kind !== "changes") return this.#ended();
      // One by one: there may be more than arguments can be.
      for (const key of told.rows.keys) keys.push(key);
      for (const text of told.rows.texts) texts.push(text);
      expired.push(...told.expired);
      place(at, part.partitions, told.at);
      this.#take(told.progress, part.partitions);
    }
    this.place = at;
    for (const [partition, number] of at.entries()) if (number > this.#reached[partition]!) this.#reached[partition] = number;
    const { streamTime, finalBefore } = this.#progress;
    const progress: Progress = { streamTime, finalBefore: [...finalBefore] };
    return { kind: "changes", at, rows: { keys, texts }, expired, progress } satisfies Changes;
  }

  #take({ streamTime, finalBefore }: Progress, partitions: readonly number[]): void {
    this.#progress.streamTime = Math.max(this.#progress.streamTime, streamTime);
    if (finalBefore.length > 0) for (const [i, partition] of partitions.entries()) this.#progress.finalBefore[partition] = finalBefore[i]!;
  }

  #isOwned(): boolean {
    const { subTopology } = this.#query;
    return this.#parts.every(({ owner, partitions }) => partitions.every((partition) => this.#ownerOf(subTopology, partition) === owner));
  }

  #ended(): StreamAnswer {
    this.end();
    return { kind: "ended" };
  }

  async #ask(part: Part, maxWaitMs: number): Promise<void> {
    const { owner, partitions, feed } = part;
    const asked = { kind: "changes", query: this.#query.name, partitions, feed, maxWaitMs } as const;
    try {
      const answer = await owner.ask({ kind: "stream", asked }, this.#closing.signal);
      part.told = answer.kind === "stream" ? answer.told : { kind: "ended" };
    } catch {
      // Broken off, or a bug that its own thread has told of.
      part.told = { kind: "ended" };
    }
    part.asking = undefined;
  }
}

/** Sets the numbers of some partitions among those of all. */
function place(all: bigint[], partitions: readonly number[], numbers: Began["at"]): void {
  for (const [i, partition] of partitions.entries()) all[partition] = numbers[i]!;
}
