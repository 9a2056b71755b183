import { partitionOf } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { directKeys } from "../direct-keys.ts";
import { cellComparison } from "../highest-rows.ts";
import type { Answer, AsOf, QueryAnswerer, QueryRequest } from "../query-request.ts";
import { absolute } from "../scan.ts";
import { type Shares, sharesAmong } from "./shares-among.ts";
import { compareRows, mergeAsOf, mergeShares } from "./merge-shares.ts";
import type { ShareAnswer, ShareRequest, ShareRow, UnavailableShare } from "./share.ts";
import { type Across, shownAcross } from "./shown-across.ts";

export type ClusterAnswererOptions = Across & { readonly queries: readonly QueryPlan[] };

type Given<K extends ShareAnswer["kind"]> = Extract<ShareAnswer, { kind: K }>;

/**
 * Answers every query from whoever owns its tasks: one key from the one task that has it, all keys from all of them, merged into the order
 * that one worker would give. Keeps nothing between two questions.
 */
export class ClusterAnswerer implements QueryAnswerer {
  readonly #across: Across;
  readonly #queries: ReadonlyMap<string, QueryPlan>;
  readonly #partitions: ReadonlyMap<string, number>;

  constructor({ queries, ...across }: ClusterAnswererOptions) {
    this.#across = across;
    this.#queries = new Map(queries.map((query) => [query.name, query]));
    this.#partitions = new Map(across.plan.topics.map(({ name, partitions }) => [name, partitions]));
  }

  async answer(request: QueryRequest, signal: AbortSignal): Promise<Answer> {
    const query = this.#queries.get(request.query);
    if (query === undefined) return { kind: "unavailable", detail: `the engine has no query "${request.query}"` };
    const bad = request.after.find(({ topic, partition }) => partition >= (this.#partitions.get(topic) ?? Infinity));
    if (bad !== undefined) {
      const detail = `there is no partition ${bad.partition} of ${bad.topic}, which has ${this.#partitions.get(bad.topic)}`;
      return { kind: "bad-token", detail };
    }
    if (request.after.length > 0 && !(await this.#shows(query, request, signal))) {
      const asOf = await this.#asOf(query, signal);
      return "kind" in asOf ? asOf : { kind: "not-yet", asOf: mergeAsOf(asOf) };
    }
    return this.#rows(query, request, signal);
  }

  async #rows(query: QueryPlan, request: QueryRequest, signal: AbortSignal): Promise<Answer> {
    const bounds = await this.#bounds(query, request, signal);
    if ("kind" in bounds) return bounds;
    const shares = this.#sharesOf(query, this.#partitionsOf(query, request));
    if ("kind" in shares) return shares;
    const { format, filters, position, order, limit } = request;
    const asked = { kind: "rows", query: query.name, format, filters, position, order, ...bounds } as const;
    // An owner that has its part of the keys need not give all rows of the page; what it would give too few of, the next slice asks for.
    const limitOfShare = order === undefined && shares.size > 1 ? Math.min(limit, Math.ceil((limit / shares.size) * 1.25) + 16) : limit;
    const given = await this.#gather(shares, (partitions) => ({ ...asked, partitions, limit: limitOfShare }), signal);
    if ("kind" in given) return given;
    const answers = given as readonly Given<"rows">[];
    const merged = order === undefined ? mergeShares(answers, limit) : { rows: ordered(query, request, answers), next: undefined };
    const text = merged.rows.map((row) => row.text).join(format === "json" ? ",\n" : "");
    const asOf = mergeAsOf(answers.map((answer) => answer.asOf));
    return { kind: "rows", asOf, bytes: new TextEncoder().encode(text), rows: merged.rows.length, next: merged.next, ...bounds };
  }

  /** Absolute bounds: one before the newest event time is one before the newest that any task of the query knows. */
  async #bounds(
    query: QueryPlan,
    { from, to }: QueryRequest,
    signal: AbortSignal,
  ): Promise<Pick<QueryRequest, "from" | "to"> | UnavailableShare> {
    if (from?.kind !== "back" && to?.kind !== "back") return { from, to };
    const asOf = await this.#asOf(query, signal);
    if ("kind" in asOf) return asOf;
    const newest = Math.max(...asOf.map(({ streamTime }) => streamTime));
    return { from: absolute(from, newest), to: absolute(to, newest) };
  }

  async #asOf(query: QueryPlan, signal: AbortSignal): Promise<readonly AsOf[] | UnavailableShare> {
    const shares = this.#sharesOf(query, this.#allPartitions(query));
    if ("kind" in shares) return shares;
    const given = await this.#gather(shares, (partitions) => ({ kind: "as-of", query: query.name, partitions }), signal);
    return "kind" in given ? given : (given as readonly Given<"as-of">[]).map(({ asOf }) => asOf);
  }

  /** The partitions that can have the filtered rows: those of their keys, where all of the key is said. */
  #partitionsOf(query: QueryPlan, { filters }: QueryRequest): readonly number[] {
    const all = this.#allPartitions(query);
    const keys = directKeys(query, filters);
    if (keys === undefined || keys.length === 0) return all;
    return [...new Set(keys.map((key) => partitionOf(key, all.length)))].toSorted((a, b) => a - b);
  }

  #allPartitions({ subTopology }: QueryPlan): readonly number[] {
    const { partitions } = this.#across.plan.subTopologies.find(({ id }) => id === subTopology)!;
    return Array.from({ length: partitions }, (_, partition) => partition);
  }

  #sharesOf(query: QueryPlan, partitions: readonly number[]): Shares | UnavailableShare {
    return sharesAmong(this.#across, query, partitions);
  }

  /** All answers, or the first refusal: an answer is never given in part. */
  async #gather(
    shares: Shares,
    requestOf: (partitions: readonly number[]) => ShareRequest,
    signal: AbortSignal,
  ): Promise<readonly ShareAnswer[] | UnavailableShare> {
    const answers = await Promise.all(Array.from(shares, ([owner, partitions]) => owner.ask(requestOf(partitions), signal)));
    return answers.find((answer) => answer.kind === "unavailable") ?? answers;
  }

  async #shows({ subTopology }: QueryPlan, { after, waitMs }: QueryRequest, signal: AbortSignal): Promise<boolean> {
    const late = AbortSignal.timeout(waitMs);
    const shows = await shownAcross(this.#across, { target: subTopology, after }, AbortSignal.any([signal, late]));
    signal.throwIfAborted();
    return shows;
  }
}

/** The first rows by a column; those that are alike there stay in the order that all rows have. */
function ordered(query: QueryPlan, { order, limit }: QueryRequest, shares: readonly Given<"rows">[]): readonly ShareRow[] {
  const { column, descending } = order!;
  const compare = cellComparison(query.columns.find(({ name }) => name === column)!.type, descending);
  return shares
    .flatMap(({ rows }) => rows)
    .toSorted((a, b) => compare(a.cell, b.cell) || compareRows(a.at, b.at))
    .slice(0, limit);
}
