import type { Told } from "../told-line.ts";

/** What happened in one second of the run. */
export type Second = {
  /** From the first post on. */
  readonly at: number;
  accepted: number;
  /** Milliseconds, of requests that were sent in this second. */
  readonly posts: number[];
  readonly shown: number[];
  readonly pulls: number[];
  /** Cores in use, on average. */
  k6Cores: number | undefined;
  serverCores: number | undefined;
};

/** The run second by second, put together from what k6 was told; times are k6's. */
export class Course {
  readonly seconds: Second[] = [];
  /** Durations of posts by phase, ms. */
  readonly posts = new Map<string, number[]>();
  /** From send to shown by phase, ms. */
  readonly shown = new Map<string, number[]>();
  /** How many events of requests that were not wholly accepted had which code. */
  readonly codes = new Map<string, number>();
  /** What the server said about durability. */
  readonly acks = new Set<string>();
  requests = 0;
  accepted = 0;
  /** Milliseconds since the epoch. */
  beganAt: number | undefined;
  readonly #batch: number;

  constructor(batch: number) {
    this.#batch = batch;
  }

  take(told: Told): void {
    const second = this.second(told.sentAt);
    switch (told.kind) {
      case "posted": {
        const accepted = told.outcomes === "" ? this.#batch : told.outcomes.replace(/[^ad]/g, "").length;
        second.accepted += accepted;
        this.accepted += accepted;
        this.requests += 1;
        second.posts.push(told.ms);
        listOf(this.posts, told.phase).push(told.ms);
        if (told.code !== "") this.codes.set(told.code, (this.codes.get(told.code) ?? 0) + this.#batch - accepted);
        return;
      }
      case "shown":
        this.acks.add(told.ack);
        if (told.ms === 0) return;
        second.shown.push(told.ms);
        listOf(this.shown, told.phase).push(told.ms);
        return;
      case "pulled":
        second.pulls.push(told.ms);
        return;
    }
  }

  /** The second in which a time lies. What lies before the first post counts as the first second. */
  second(atMs: number): Second {
    this.beganAt ??= atMs;
    const at = Math.max(0, Math.floor((atMs - this.beganAt) / 1000));
    for (let n = this.seconds.length; n <= at; n++) {
      this.seconds.push({ at: n, accepted: 0, posts: [], shown: [], pulls: [], k6Cores: undefined, serverCores: undefined });
    }
    return this.seconds[at]!;
  }
}

function listOf(lists: Map<string, number[]>, name: string): number[] {
  let list = lists.get(name);
  if (list === undefined) lists.set(name, (list = []));
  return list;
}

/** The value below which a share of them lies; undefined of none. They are sorted in place. */
export function quantile(values: number[], share: number): number | undefined {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
