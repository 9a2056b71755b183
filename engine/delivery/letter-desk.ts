import { setTimeout } from "node:timers/promises";
import { BrokerError } from "#broker/broker-error.ts";
import { type Broker, earliest, type TopicSpec } from "#broker/broker.ts";
import { groupOf, type Plan } from "#task/plan.ts";
import type { Redrive } from "#task/redrive.ts";
import { type ChosenLetter, chosenOf, redriven } from "./chosen-letter.ts";
import { addressOf, type LetterRefusal } from "./letter-address.ts";
import { LetterError } from "./letter-error.ts";
import { journalBatch, letterJournalOf, SettledLetters, type Settlement } from "./letter-journal.ts";
import { letterName, topicOfLetters } from "./letter-place.ts";
import type { SettleReport, SettleRequest } from "./letter-request.ts";
import { LetterSeat } from "./letter-seat.ts";
import { partitionsWithLetters, type ReadLetter, readLetters } from "./read-letters.ts";
import { SettleRound } from "./settle-round.ts";

export type LetterDeskOptions = {
  readonly broker: Broker;
  readonly plan: Plan;
  /** Groups that read here besides the topology's own: those of sinks. */
  readonly sinkGroups?: readonly string[];
  /** Topics whose records are kept by their own times, as Kafka does it: what is too old for them is not put back. */
  readonly keptByTime?: readonly TopicSpec[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
};

const sliceLetters = 500;
const sliceBytes = 1 << 20;
/** How often a slice is tried where the log takes no commit, and where others settle letters at the same time. */
const attempts = { aborted: 6, fenced: 8 } as const;
/** The log has committed what it does not show yet: behind a change of leader, for as long as its followers take. */
const lagging = { waitMs: 200, mostMs: 15_000 } as const;

type Verdict =
  | { readonly kind: "drop" }
  | { readonly kind: "redrive"; readonly redrive: Redrive }
  | { readonly kind: "refused"; readonly why: LetterRefusal };

/**
 * Puts dead letters back to the topics they came from, or drops them: each once. What is done with a letter stands in a journal of the log, written in the
 * commit that puts the record back, and the journal is read to its end from the one seat that may write it before anything is done. So a crash neither
 * loses nor doubles; and of two desks, in one process or in two, the later one takes the seat, and the earlier one takes it again to go on. [RD1]
 */
export class LetterDesk {
  private readonly options: LetterDeskOptions;
  private readonly journal: TopicSpec;
  private readonly group: string;
  private readonly groups: ReadonlySet<string>;
  private readonly known = new SettledLetters();
  private journalNext = earliest;
  private journalThere = false;
  private seat: LetterSeat | undefined;
  /** By partition of letters: everything before it is settled. */
  private readonly openFrom = new Map<string, bigint>();
  private last: Promise<unknown> = Promise.resolve();
  private reading: Promise<unknown> = Promise.resolve();
  private nextReading: Promise<void> | undefined;

  constructor(options: LetterDeskOptions) {
    this.options = options;
    this.journal = letterJournalOf(options.plan.name);
    this.group = `${options.plan.name}-letters`;
    this.groups = new Set([groupOf(options.plan.name), ...(options.sinkGroups ?? [])]);
  }

  /** What was settled by the time of the call, by whomever. @throws {BrokerError} */
  async settled(): Promise<SettledLetters> {
    // Not the reading under way: it may have seen the end of the journal already.
    this.nextReading ??= this.reading.then(() => {
      this.nextReading = undefined;
      return this.catchUp();
    });
    this.reading = this.nextReading.catch(() => undefined);
    await this.nextReading;
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
    await this.seat?.leave();
    this.seat = undefined;
  }

  private async settleNow(request: SettleRequest, signal: AbortSignal): Promise<SettleReport> {
    if (request.dryRun) await this.settled();
    else await this.sit(signal);
    const round = new SettleRound(request);
    const partitions = await partitionsWithLetters(this.options.broker, request.topics);
    for (const { topic, partition } of partitions) await this.settlePartition(round, { topic, partition }, signal);
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
        await this.write(round, chosen, signal);
        chosen = [];
        bytes = 0;
      }
    }
    await this.write(round, chosen, signal);
  }

  private judge({ action }: SettleRequest, read: ReadLetter, behind: boolean): Verdict {
    if (action === "drop") return { kind: "drop" };
    const { plan } = this.options;
    const { place, letter, before } = read;
    const topic = topicOfLetters(place.topic);
    const address = addressOf({ name: letterName(place), topic, letter, before }, { plan, groups: this.groups });
    if (address.kind === "refused") return address;
    if (this.isTooOld(topic, read)) return { kind: "refused", why: "past-retention" };
    return behind ? { kind: "refused", why: "behind-another" } : address;
  }

  /** The log could drop it again before anybody has read it. */
  private isTooOld(topic: string, { index, i }: ReadLetter): boolean {
    const { keptByTime = [], clock } = this.options;
    const retention = keptByTime.find(({ name }) => name === topic)?.retention;
    return retention?.kind === "time" && index.timestamps[i]! < clock() - retention.ms;
  }

  /** The records and what the journal says of them, in one commit. */
  private async write(round: SettleRound, chosen: readonly ChosenLetter[], signal: AbortSignal): Promise<void> {
    const { action, by, key, why, dryRun } = round.request;
    if (dryRun) return;
    const kind = action === "redrive" ? "redriven" : "dropped";
    let [aborted, fenced] = [0, 0];
    for (let open = chosen; open.length > 0;) {
      const result = await this.commit({ kind, atMs: this.options.clock(), by, key, why }, open);
      if (result.kind === "committed") break;
      const { reason } = result;
      if (result.kind === "fenced") {
        if (++fenced === attempts.fenced)
          throw new LetterError("LETTERS_FENCED", `others settle letters of this topology all the time: ${reason}`);
        await giveWay(fenced, signal);
        await this.sit(signal);
        open = open.filter(({ place }) => {
          const settled = this.known.of(place);
          if (settled !== undefined) round.settledByOthers(place, settled);
          return settled === undefined;
        });
      } else {
        if (++aborted === attempts.aborted) throw new LetterError("LETTERS_LOG_AWAY", `the log takes no commit: ${reason}`);
        await setTimeout(50 * 2 ** aborted, undefined, { signal });
      }
    }
    await this.settled();
  }

  private async commit(settlement: Settlement, chosen: readonly ChosenLetter[]): ReturnType<LetterSeat["commit"]> {
    const places = chosen.map(({ place }) => place);
    const outputs = [...redriven(chosen), journalBatch(this.journal.name, settlement, places)];
    try {
      return await this.seat!.commit(this.journalNext, outputs);
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /** From here on nobody else writes the journal unless this desk hears of it, and it is known what is settled. */
  private async sit(signal: AbortSignal): Promise<void> {
    await this.ensureJournal();
    if (this.seat?.lost !== false) {
      await this.leave();
      this.seat = await this.takeSeat(signal);
    }
    for (const until = performance.now() + lagging.mostMs; ; await setTimeout(lagging.waitMs, undefined, { signal })) {
      await this.settled();
      if (this.journalNext > this.seat.journalBehind) return;
      if (performance.now() > until) throw new LetterError("LETTERS_LOG_AWAY", "the log does not show yet what was settled last");
    }
  }

  /** Of two that take it at the same moment, one may be refused. */
  private async takeSeat(signal: AbortSignal): Promise<LetterSeat> {
    for (let refused = 1; ; refused++) {
      try {
        return await LetterSeat.take(this.options.broker, { group: this.group, journal: this.journal.name });
      } catch (error) {
        if (!(error instanceof BrokerError) || error.code !== "BROKER_REFUSED" || refused === attempts.fenced) throw error;
        await giveWay(refused, signal);
      }
    }
  }

  private async leave(): Promise<void> {
    const { seat } = this;
    this.seat = undefined;
    await seat?.leave().catch(() => undefined);
  }

  private async ensureJournal(): Promise<void> {
    if (this.journalThere) return;
    await this.options.broker.ensureTopics([this.journal]);
    this.journalThere = true;
  }

  private async catchUp(): Promise<void> {
    await this.ensureJournal();
    const position = { topic: this.journal.name, partition: 0 };
    for (let maxWaitMs = 0; ;) {
      const limits = { maxBytes: 4 << 20, maxBytesPerPartition: 4 << 20, maxWaitMs };
      const batches = await this.options.broker.fetch([{ ...position, offset: this.journalNext }], limits);
      for (const batch of batches) {
        this.known.take(batch);
        this.journalNext = batch.next;
      }
      if (this.journalNext >= batches.at(-1)!.end) return;
      maxWaitMs = lagging.waitMs;
    }
  }
}

/** Who was quicker gets time to come to an end; whose turn it is next is left to chance. */
const giveWay = (times: number, signal: AbortSignal): Promise<void> => setTimeout(Math.random() * 50 * 2 ** times, undefined, { signal });
