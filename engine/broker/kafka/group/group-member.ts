import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { TaskId } from "#broker/broker.ts";
import { isRetriable } from "#broker/kafka/wire/error-classes.ts";
import { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { asKafkaError, KafkaError } from "#broker/kafka/wire/kafka-error.ts";
import { type Assignment, decodeAssignment, encodeAssignment } from "./assignment.ts";
import { GroupRequests, type Identity, type JoinAnswer } from "./group-requests.ts";
import type { GroupHooks, GroupMemberSettings } from "./group-settings.ts";
import type { HeartbeatReport } from "./heartbeat-loop.ts";
import { Heartbeats } from "./heartbeats.ts";
import { type GroupView, noGroup, type Owner, viewOf } from "./group-view.ts";
import { HookQueue } from "./hook-queue.ts";
import { decodeMetadata, encodeMetadata } from "./member-metadata.ts";
import { describeRebalance, type RebalanceFacts } from "./rebalance.ts";
import { type KnownOwners, knownOwners, planRound } from "./round-plan.ts";
import { TaskList } from "./task-list.ts";

/** While a round is incomplete the next one is near: who waits for it asks this often. */
const incompleteBeatMs = 100;
const againMs = 100;

/** What one round of JoinGroup and SyncGroup came to: an assignment, or why the member joins again. */
type Round =
  | { readonly assignment: Assignment; readonly leader: boolean; readonly held: ReadonlyMap<TaskId, number> }
  | { readonly again: string };

/**
 * A member of a classic consumer group that is assigned tasks. It joins, and joins again whenever the group changes, until it leaves or is closed:
 *
 * joining ─▶ complete: `assigned` ─▶ heartbeats ─▶ joining
 *         ─▶ incomplete, with tasks to give back: `revoking` ─▶ joining · with none: heartbeats ─▶ joining
 *         ─▶ not a member any more: `lost` ─▶ joining · fenced or refused: `lost`, `failed`
 *
 * Offsets are committed under `identity`, and only for a task that is owned (`owns`).
 */
export class GroupMember {
  readonly #settings: Required<Omit<GroupMemberSettings, "endpoint">> & { readonly endpoint: string };
  readonly #hooks: GroupHooks;
  readonly #list: TaskList;
  readonly #client: KafkaClient;
  readonly #requests: GroupRequests;
  readonly #heartbeats: Heartbeats;
  readonly #queue = new HookQueue();
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #leaving = false;
  #identity: Identity | undefined;
  #owned: ReadonlySet<TaskId> = new Set();
  /** What this member owned when the group was last complete, and who owned the rest. */
  #lastOwned: ReadonlySet<TaskId> = new Set();
  #lastView = noGroup;
  #view: GroupView = noGroup;
  #known: KnownOwners | undefined;
  #attempt = 0n;
  #settled: PromiseWithResolvers<void> | undefined;
  #wake: ((reason: HeartbeatReport | string) => void) | undefined;
  #joined = Promise.withResolvers<void>();
  #hasJoined = false;

  constructor(settings: GroupMemberSettings, hooks: GroupHooks) {
    const timeouts = { sessionTimeoutMs: 15_000, rebalanceTimeoutMs: 30_000, maxPollMs: 300_000, joinTimeoutMs: 60_000 };
    this.#settings = { ...timeouts, ...settings, endpoint: settings.endpoint ?? "" };
    const { cluster, group, instanceId, tasks, rebalanceTimeoutMs } = this.#settings;
    this.#hooks = hooks;
    this.#list = new TaskList(tasks);
    // JoinGroup is answered when the slowest member has joined.
    this.#client = new KafkaClient(cluster, "group", { requestTimeoutMs: rebalanceTimeoutMs + 10_000 });
    this.#requests = new GroupRequests(this.#client, group, instanceId);
    this.#heartbeats = new Heartbeats(this.#settings, (report) => this.#wake?.(report));
  }

  /** What offsets must be committed under now; undefined while the member has no place in the group. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  get ownedTasks(): ReadonlySet<TaskId> {
    return this.#owned;
  }

  get heartbeats(): Heartbeats {
    return this.#heartbeats;
  }

  /** True from the assignment of a task until it has been given back or lost. */
  owns(task: TaskId): boolean {
    return this.#owned.has(task);
  }

  /** The owner of each task that has one, as of the last round. */
  owners(): ReadonlyMap<TaskId, Owner> {
    return this.#view.owners;
  }

  /** Resolves when no join is under way: what Kafka refused for its generation meanwhile can be tried again if its tasks are still owned. */
  async whenSettled(): Promise<void> {
    await this.#settled?.promise;
  }

  /** Kafka refused this identity: if it is still the one that the member has, it joins again. Resolves like `whenSettled`. */
  async renew(refused: Identity): Promise<void> {
    if (this.#identity === refused && this.#settled === undefined) this.#wake?.("its generation was refused");
    await this.whenSettled();
  }

  /** Resolves when the first `assigned` has. @throws {KafkaError} `GROUP_TOPOLOGY`, `FENCED_INSTANCE_ID`, … @throws what `assigned` threw */
  async join(): Promise<void> {
    this.#running ??= this.#run();
    await this.#joined.promise;
  }

  /** Gives all tasks back, awaited, and leaves the group. */
  async leave(): Promise<void> {
    if (this.#leaving || this.#closing.signal.aborted) return;
    this.#leaving = true;
    this.#wake?.("leaves");
    // A join that is under way is answered soon, and then the generation is known under which the tasks can be committed.
    if (this.#owned.size > 0) await this.#running;
    const owned = this.#owned;
    if (owned.size > 0) await this.#queue.run(() => this.#hooks.revoking([...owned])).catch(() => this.#lose(owned));
    this.#owned = new Set();
    await this.#queue.idle();
    await this.#leaveGroup("leaves");
    await this.close();
  }

  /** Ends without leaving the group: who joins under the same name within the session has the tasks back. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#wake?.("closes");
    this.#owned = new Set();
    this.#identity = undefined;
    await Promise.all([this.#heartbeats.close(), this.#client.close()]);
    await this.#running;
    this.#joined.promise.catch(() => undefined);
    this.#joined.reject(new KafkaError("the member is closed", ["CLOSED"]));
  }

  get #ends(): boolean {
    return this.#leaving || this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    try {
      for (let reason = "joins"; !this.#ends;) reason = await this.#live(reason);
    } catch (thrown) {
      if (!this.#ends) await this.#fail(thrown);
    } finally {
      this.#settle();
    }
  }

  /** One round and what follows, until there is a reason for the next one. */
  async #live(reason: string): Promise<string> {
    const woken = this.#waker();
    const round = await this.#round(reason);
    if (this.#ends) return "";
    if ("again" in round) return round.again;
    const { assignment } = round;
    if (assignment.status === "refused" || assignment.topology !== this.#list.hash) throw this.#refusal();
    const origins = new Map([...this.#lastView.owners, ...this.#view.owners]);
    this.#view = viewOf(assignment, this.#list);
    this.#known = knownOwners(this.#identity!.generationId, assignment);
    const tasks = new Set(this.#list.tasksOf(assignment.tasks));
    const excess = [...this.#owned].filter((task) => !tasks.has(task));
    this.#settle();
    if (assignment.status === "incomplete") {
      if (excess.length > 0) return this.#giveBack(excess);
      // Made for the process that had this name before: only a new round can tell who it waits for.
      if (assignment.attempt !== this.#attempt) return "takes its predecessor's place";
      this.#beat(this.#identity!, incompleteBeatMs);
    } else {
      if (excess.length > 0) this.#lose(excess);
      this.#take(tasks, { ...round, origins, reason: assignment.attempt === this.#attempt ? reason : "was started again" });
      if (this.#view.members.get(this.#settings.instanceId) !== this.#settings.endpoint) return "has another endpoint";
    }
    return this.#next(await woken());
  }

  async #round(reason: string): Promise<Round> {
    this.#settled ??= Promise.withResolvers();
    this.#hooks.rebalancing(reason);
    const { sessionTimeoutMs, rebalanceTimeoutMs, joinTimeoutMs } = this.#settings;
    const { signal } = this.#closing;
    const forMs = this.#hasJoined ? Number.POSITIVE_INFINITY : joinTimeoutMs;
    // It decides who has it easier, no more.
    const held = await this.#hooks.heldState().catch(() => new Map<TaskId, number>());
    const metadata = this.#metadata(held);
    const before = this.#identity?.generationId ?? -1;
    let identity: Identity | undefined;
    try {
      const options = { forMs, signal, reason, sessionTimeoutMs, rebalanceTimeoutMs };
      const joined = await this.#requests.join(this.#identity?.memberId ?? "", metadata, options);
      identity = { generationId: joined.generation, memberId: joined.memberId, groupInstanceId: this.#settings.instanceId };
      // Whose generation was not the one before this cannot know whether it still owns anything, and commits nothing until it has been told.
      const inDoubt = before !== -1 && joined.generation !== before + 1;
      if (!inDoubt) this.#identity = identity;
      this.#beat(identity, this.#beatMs);
      const plan = this.#plan(joined);
      const assignment = decodeAssignment(await this.#requests.sync(identity, plan, { forMs: rebalanceTimeoutMs, signal }));
      const isForThis = before === -1 || assignment?.attempt === this.#attempt;
      if (assignment === undefined || !assignment.accepted || !isForThis) this.#lose(this.#owned);
      this.#identity = identity;
      if (assignment !== undefined && isForThis) return { assignment, leader: joined.leads, held };
      await sleep(againMs, undefined, { signal });
      return { again: "was told nothing" };
    } catch (thrown) {
      const error = asKafkaError(thrown, "join");
      if (this.#ends) return { again: "" };
      if (identity !== undefined && identity !== this.#identity) {
        this.#lose(this.#owned);
        this.#identity = identity;
      }
      if (error.is("UNKNOWN_MEMBER_ID")) return { again: this.#loseMembership() };
      if (error.is("REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION")) return { again: "the group rebalances" };
      if (this.#hasJoined && isRetriable(error)) return { again: "the coordinator did not answer" };
      throw error;
    }
  }

  #metadata(held: ReadonlyMap<TaskId, number>): Buffer {
    this.#attempt = randomBytes(8).readBigUInt64BE();
    const numbered = [...held].flatMap(([task, lag]): [number, number][] => this.#list.numbersOf([task]).map((number) => [number, lag]));
    const generation = this.#identity?.generationId ?? -1;
    const owned = this.#list.numbersOf(this.#owned);
    const { endpoint } = this.#settings;
    return encodeMetadata(
      { topology: this.#list.hash, attempt: this.#attempt, generation, endpoint, owned, held: new Map(numbered) },
      this.#list,
    );
  }

  #plan({ generation, memberId, members }: JoinAnswer): ReadonlyMap<string, Buffer> {
    if (members === undefined) return new Map();
    const joined = members.map((member) => ({ ...member, metadata: decodeMetadata(member.metadata) }));
    const plan = planRound({ generation, list: this.#list, leaderId: memberId, known: this.#known }, joined);
    const known = (assignment: Assignment): readonly number[] => (assignment.topology === this.#list.hash ? assignment.tasks : []);
    return new Map([...plan].map(([id, each]) => [id, encodeAssignment(each, this.#list.inputsOf(known(each)))]));
  }

  #take(tasks: ReadonlySet<TaskId>, facts: Pick<RebalanceFacts, "leader" | "held" | "origins" | "reason">): void {
    const { leader, held, origins, reason } = facts;
    const generation = this.#identity!.generationId;
    const change = { before: this.#lastView, after: this.#view, ownedBefore: this.#lastOwned, stillOwned: this.#owned, ownedAfter: tasks };
    this.#owned = tasks;
    this.#lastOwned = tasks;
    this.#lastView = this.#view;
    const told = this.#queue.run(() => this.#hooks.assigned([...tasks], generation));
    this.#hooks.rebalanced(describeRebalance({ generation, leader, reason, held, origins, ...change }));
    told.then(
      () => {
        this.#hasJoined = true;
        this.#joined.resolve();
      },
      (error: unknown) => this.#fail(error),
    );
    this.#beat(this.#identity!, this.#beatMs);
  }

  /** Asks to have tasks given back, as long as the others would wait for it; who takes longer has lost them. */
  async #giveBack(tasks: readonly TaskId[]): Promise<string> {
    const late = new AbortController();
    const given = this.#queue
      .run(() => this.#hooks.revoking(tasks))
      .then(
        () => true,
        () => false,
      );
    const inTime = await Promise.race([
      given,
      sleep(this.#settings.rebalanceTimeoutMs, false, { signal: AbortSignal.any([late.signal, this.#closing.signal]) }).catch(() => false),
    ]);
    late.abort();
    if (inTime) this.#owned = new Set([...this.#owned].filter((task) => !tasks.includes(task)));
    else this.#lose(tasks);
    return `gave back ${tasks.length}`;
  }

  #lose(tasks: Iterable<TaskId>): void {
    const gone = [...tasks].filter((task) => this.#owned.has(task));
    if (gone.length === 0) return;
    this.#owned = new Set([...this.#owned].filter((task) => !gone.includes(task)));
    void this.#queue.run(() => this.#hooks.lost(gone)).catch(() => undefined);
  }

  #loseMembership(): string {
    this.#heartbeats.set(undefined);
    this.#lose(this.#owned);
    this.#identity = undefined;
    return "was thrown out of the group";
  }

  /** Listens from now on for what makes the member join again; what was heard is handed out once. */
  #waker(): () => Promise<HeartbeatReport | string> {
    const heard = Promise.withResolvers<HeartbeatReport | string>();
    this.#wake = (told) => {
      // Heartbeats of an earlier identity, or of this one before it was answered, say nothing of now.
      if (typeof told !== "string" && (this.#settled !== undefined || !this.#isOurs(told.identity))) return;
      heard.resolve(told);
    };
    return () => (this.#ends ? Promise.resolve("") : heard.promise);
  }

  #isOurs({ generationId, memberId }: Identity): boolean {
    return this.#identity?.generationId === generationId && this.#identity.memberId === memberId;
  }

  #next(told: HeartbeatReport | string): string {
    if (typeof told === "string") return told;
    const error = new KafkaError(`heartbeat of ${this.#settings.instanceId}: ${told.ids.join(", ")}`, told.ids);
    if (error.is("UNKNOWN_MEMBER_ID")) return this.#loseMembership();
    if (error.is("REBALANCE_IN_PROGRESS")) return "the group rebalances";
    if (error.is("ILLEGAL_GENERATION")) return "missed a rebalance";
    throw error;
  }

  get #beatMs(): number {
    return Math.min(3000, this.#settings.sessionTimeoutMs / 10);
  }

  #beat(identity: Identity, maxMs: number): void {
    this.#heartbeats.set({ identity, intervalMs: Math.min(maxMs, this.#beatMs) });
  }

  #settle(): void {
    this.#settled?.resolve();
    this.#settled = undefined;
  }

  #refusal(): KafkaError {
    const { group, instanceId } = this.#settings;
    const message = `${instanceId} was refused: group ${group} runs another topology; stop its members first, all of them`;
    return new KafkaError(message, ["GROUP_TOPOLOGY"]);
  }

  async #fail(thrown: unknown): Promise<void> {
    if (this.#ends) return;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    this.#leaving = true;
    this.#wake?.("failed");
    this.#lose(this.#owned);
    // Who is fenced has no place to leave: it is another process's by now.
    const fenced = error instanceof KafkaError && error.is("FENCED_INSTANCE_ID");
    if (!fenced && this.#identity !== undefined) await this.#leaveGroup("failed");
    await this.#queue.idle();
    this.#joined.promise.catch(() => undefined);
    this.#joined.reject(error);
    if (this.#hasJoined) this.#hooks.failed(error);
    void this.close();
  }

  /** By a connection of its own: a join that waits for the others holds up all that comes behind it. */
  async #leaveGroup(reason: string): Promise<void> {
    const { cluster, group, instanceId, sessionTimeoutMs } = this.#settings;
    this.#heartbeats.set(undefined);
    const client = new KafkaClient(cluster, "group-leave", { requestTimeoutMs: sessionTimeoutMs });
    try {
      await new GroupRequests(client, group, instanceId).leave(this.#identity?.memberId ?? "", reason, { forMs: sessionTimeoutMs });
    } catch {
      // Not a member any more, or the coordinator cannot be reached: then the session ends by itself.
    } finally {
      await client.close();
    }
  }
}
