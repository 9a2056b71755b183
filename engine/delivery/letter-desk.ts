import { setTimeout } from "node:timers/promises";
import { type Broker, earliest, type Membership, taskId, type TopicSpec } from "#broker/broker.ts";
import { groupOf, type Plan } from "#task/plan.ts";
import type { Redrive } from "#task/redrive.ts";
import { type ChosenLetter, chosenOf, redriven } from "./chosen-letter.ts";
import { addressOf, type LetterRefusal } from "./letter-address.ts";
import { LetterError } from "./letter-error.ts";
import { journalBatch, letterJournalOf, SettledLetters } from "./letter-journal.ts";
import { letterName, topicOfLetters } from "./letter-place.ts";
import type { SettleReport, SettleRequest } from "./letter-request.ts";
import { type ReadLetter, readLetters } from "./read-letters.ts";
import { SettleRound } from "./settle-round.ts";

export type LetterDeskOptions = {
  readonly broker: Broker;
  readonly plan: Plan;
  /** Groups that read here besides the topology's own: those of sinks. */
  readonly sinkGroups?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
};

const sliceLetters = 500;
const sliceBytes = 1 << 20;
const attempts = 6;

type Verdict =
  | { readonly kind: "drop" }
  | { readonly kind: "redrive"; readonly redrive: Redrive }
  | { readonly kind: "refused"; readonly why: LetterRefusal };

/**
 * Puts dead letters back to the topics they came from, or drops them: each once. What is done with a letter stands in a journal of the log, written in the
 * commit that puts the record back, and the journal is read before anything is done; so a crash neither loses nor doubles, and of two desks one is fenced.
 */
export class LetterDesk {
  private readonly options: LetterDeskOptions;
  private readonly journal: TopicSpec;
  private readonly group: string;
  private readonly groups: ReadonlySet<string>;
  private readonly task = taskId("letters", 0);
  private readonly known = new SettledLetters();
  private journalNext = earliest;
  private membership: Membership | undefined;
  private generation = -1;
  private number = 0n;
  /** By partition of letters: everything before it is settled. */
  private readonly openFrom = new Map<string, bigint>();
  private last: Promise<unknown> = Promise.resolve();
  private catching: Promise<void> | undefined;

  constructor(options: LetterDeskOptions) {
    this.options = options;
    this.journal = letterJournalOf(options.plan.name);
    this.group = `${options.plan.name}-letters`;
    this.groups = new Set([groupOf(options.plan.name), ...(options.sinkGroups ?? [])]);
  }

  /** What is settled by now. @throws {BrokerError} */
  async settled(): Promise<SettledLetters> {
    this.catching ??= this.catchUp().finally(() => (this.catching = undefined));
    await this.catching;
    return this.known;
  }

  /** One request after the other, in slices that are a commit each; `signal` ends it between two of them. @throws {BrokerError} {LetterError} */
  settle(request: SettleRequest, signal: AbortSignal): Promise<SettleReport> {
    const run = this.last.then(() => this.settleNow(request, signal));
    this.last = run.catch(() => undefined);
    return run;
  }

  async close(): Promise<void> {
    await this.last;
    await this.membership?.leave();
    this.membership = undefined;
  }

  private async settleNow(request: SettleRequest, signal: AbortSignal): Promise<SettleReport> {
    if (!request.dryRun) await this.join();
    await this.settled();
    const round = new SettleRound(request);
    for (const { name, partitions } of request.topics) {
      for (let partition = 0; partition < partitions; partition++) await this.settlePartition(round, { topic: name, partition }, signal);
    }
    return round.report();
  }

  private async settlePartition(round: SettleRound, where: { topic: string; partition: number }, signal: AbortSignal): Promise<void> {
    const { request } = round;
    if (round.full || !round.looksAt(where)) return;
    const { broker } = this.options;
    const name = `${where.topic}/${where.partition}`;
    /** Whose older letter stays open: who comes behind it waits for it. */
    const waiting = new Set<string>();
    let chosen: ChosenLetter[] = [];
    let bytes = 0;
    let contiguous = true;
    // Letters that are meant one by one may lie before what is open.
    const from = request.only === undefined ? (this.openFrom.get(name) ?? earliest) : earliest;
    for await (const letter of readLetters(broker, { ...where, from })) {
      signal.throwIfAborted();
      if (round.full) break;
      const settled = this.known.of(letter.place);
      const fits = round.fits(letter);
      if (settled !== undefined) {
        if (contiguous) this.openFrom.set(name, letter.place.offset + 1n);
        if (fits) round.hadSettled(letter.place, settled);
        continue;
      }
      contiguous = false;
      const line = letter.key === null ? undefined : `${letter.letter.group} ${letter.key}`;
      const verdict = fits ? this.judge(request, letter, line !== undefined && waiting.has(line)) : undefined;
      if (verdict === undefined || verdict.kind === "refused") {
        if (line !== undefined) waiting.add(line);
        if (verdict !== undefined) round.refuse(letter.place, verdict.why);
        continue;
      }
      const one = chosenOf(letter, verdict.kind === "redrive" ? verdict.redrive : undefined);
      chosen.push(one);
      bytes += one.bytes;
      round.choose();
      if (chosen.length >= sliceLetters || bytes >= sliceBytes) {
        await this.write(request, chosen, signal);
        chosen = [];
        bytes = 0;
      }
    }
    await this.write(request, chosen, signal);
  }

  private judge({ action }: SettleRequest, { place, letter, before }: ReadLetter, behind: boolean): Verdict {
    if (action === "drop") return { kind: "drop" };
    const { plan } = this.options;
    const topic = topicOfLetters(place.topic);
    const address = addressOf({ name: letterName(place), topic, letter, before }, { plan, groups: this.groups });
    return address.kind === "redrive" && behind ? { kind: "refused", why: "behind-another" } : address;
  }

  /** The records and what the journal says of them, in one commit. */
  private async write(
    { action, by, key, why, dryRun }: SettleRequest,
    chosen: readonly ChosenLetter[],
    signal: AbortSignal,
  ): Promise<void> {
    if (chosen.length === 0 || dryRun) return;
    const { broker, clock } = this.options;
    const kind = action === "redrive" ? "redriven" : "dropped";
    const places = chosen.map(({ place }) => place);
    const outputs = [...redriven(chosen), journalBatch(this.journal.name, { kind, atMs: clock(), by, key, why }, places)];
    for (let attempt = 1; ; attempt++) {
      const next = [{ topic: this.journal.name, partition: 0, offset: this.journalNext }];
      const commit = { task: this.task, number: this.number + 1n, next, meta: new Uint8Array(0), changes: [], outputs };
      const result = await broker.commit({ group: this.group, generation: this.generation, tasks: [commit], watermarks: [] });
      if (result.kind === "committed") break;
      if (result.kind === "fenced") {
        this.membership = undefined;
        throw new LetterError("LETTERS_FENCED", `another process settles letters of this topology: ${result.reason}`);
      }
      if (attempt === attempts) throw new LetterError("LETTERS_LOG_AWAY", `the log takes no commit: ${result.reason}`);
      await setTimeout(50 * 2 ** attempt, undefined, { signal });
    }
    this.number += 1n;
    await this.settled();
  }

  private async join(): Promise<void> {
    if (this.membership !== undefined) return;
    const { broker } = this.options;
    await broker.ensureTopics([this.journal]);
    const unseat = (): void => void (this.membership = undefined);
    const tasks = [{ task: this.task, inputs: [{ topic: this.journal.name, partition: 0 }] }];
    this.membership = await broker.join(
      { group: this.group, member: "desk", tasks },
      {
        assigned: async (_, generation) => void (this.generation = generation),
        revoking: async () => undefined,
        lost: async () => unseat(),
        ended: unseat,
      },
    );
    this.number = (await broker.committed(this.group, [this.task]))[0]!.number;
  }

  private async catchUp(): Promise<void> {
    const { broker } = this.options;
    await broker.ensureTopics([this.journal]);
    for (;;) {
      const position = { topic: this.journal.name, partition: 0, offset: this.journalNext };
      const batches = await broker.fetch([position], { maxBytes: 4 << 20, maxBytesPerPartition: 4 << 20, maxWaitMs: 0 });
      for (const batch of batches) {
        this.known.take(batch);
        this.journalNext = batch.next;
      }
      if (this.journalNext >= batches.at(-1)!.end) return;
    }
  }
}
