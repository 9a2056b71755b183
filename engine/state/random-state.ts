import { expect, test } from "vitest";
import { type StoreDelta, taskId } from "#broker/broker.ts";
import { awkwardKeys } from "#broker/awkward-keys.ts";
import { reusingCodec, type StateGround, type StateHarness, type Value } from "./state-harness.ts";
import { type KeyValueStore, keyValueStore, type WindowStore, windowStore } from "./store.ts";
import type { TaskState } from "./task-state.ts";

/** How much random work is done: `runs` times so many operations. */
export type RandomWork = { readonly operations: number; readonly runs: number };
const usualWork: RandomWork = { operations: 6000, runs: 4 };
const specs = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };
const task = taskId("random", 0);

/** Everything at random, each answer compared with that of plain sorted maps. `SEED=n` repeats a run. */
export function testRandomState(harness: StateHarness, { operations, runs }: RandomWork = usualWork): void {
  const seeds =
    process.env["SEED"] === undefined
      ? Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31))
      : [Number(process.env["SEED"])];
  test.each(seeds)("[S1–S12] random work answers as plain maps do, SEED=%s", async (seed) => {
    const run = await RandomRun.on(harness, seed, operations);
    try {
      await run.go();
    } finally {
      await run.close();
    }
  });
}

/** What the stores must hold: values by key, and by start and key. */
class Model {
  totals = new Map<string, Value>();
  windows = new Map<number, Map<string, Value>>();
  expired = 0;

  copy(): Model {
    const copy = new Model();
    copy.totals = new Map(this.totals);
    copy.windows = new Map(Array.from(this.windows, ([start, entries]) => [start, new Map(entries)]));
    copy.expired = this.expired;
    return copy;
  }
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

class RandomRun {
  private readonly dice: Dice;
  private readonly operations: number;
  private readonly ground: StateGround;
  private readonly keys: readonly string[];
  private state!: TaskState;
  private totals!: KeyValueStore<Value>;
  private perMinute!: WindowStore<Value>;
  private live = new Model();
  private durable = new Model();
  private taken: { readonly changes: readonly StoreDelta[]; readonly model: Model } | undefined;
  private number = 0n;
  private count = 0;
  private time = 0;

  static async on(harness: StateHarness, seed: number, operations: number): Promise<RandomRun> {
    const dice = new Dice(seed);
    const limits = { tailEntries: dice.upTo(60) + 2, tailBytes: 1 << dice.between(8, 16), cachedEntries: dice.upTo(40) };
    return new RandomRun(await harness(limits), dice, operations);
  }

  private constructor(ground: StateGround, dice: Dice, operations: number) {
    this.ground = ground;
    this.dice = dice;
    this.operations = operations;
    this.keys = [...awkwardKeys, ...Array.from({ length: 40 }, () => `key ${this.dice.upTo(1000)}`)];
    this.open();
  }

  close(): Promise<void> {
    return this.ground.close();
  }

  async go(): Promise<void> {
    const weights: readonly (readonly [number, () => void | Promise<void>])[] = [
      [30, () => this.put()],
      [10, () => this.delete()],
      [10, () => this.update()],
      [20, () => this.get()],
      [5, () => this.range()],
      [3, () => this.prefix()],
      [25, () => this.putWindow()],
      [5, () => this.deleteWindow()],
      [10, () => this.getWindow()],
      [3, () => this.rangeWindows()],
      [3, () => this.windowsOf()],
      [1, () => this.expire()],
      [8, () => this.commit()],
      [6, () => this.take()],
      [10, () => this.state.fold(this.dice.between(1, 20))],
      [1, () => this.restart()],
      [1, () => this.dieInCommit()],
    ];
    const all = weights.reduce((sum, [weight]) => sum + weight, 0);
    for (; this.count < this.operations; this.count++) {
      let pick = this.dice.next() * all;
      await weights.find(([weight]) => (pick -= weight) < 0)![1]();
    }
    await this.commit();
    await this.restart();
  }

  private put(): void {
    const key = this.key();
    const value = this.value();
    this.totals.put(key, value);
    this.live.totals.set(key, value);
  }

  private delete(): void {
    const key = this.key();
    this.totals.delete(key);
    this.live.totals.delete(key);
  }

  /** As a processor does, with whatever else may come between. */
  private update(): void {
    const key = this.key();
    expect(this.totals.get(key), this.where(`update ${encodeURIComponent(key)}`)).toEqual(this.live.totals.get(key));
    if (this.dice.next() < 0.5) this.state.fold(this.dice.between(1, 20));
    if (this.dice.next() < 0.5) this.get();
    const value = this.value();
    this.totals.put(key, value);
    this.live.totals.set(key, value);
  }

  private get(): void {
    const key = this.key();
    expect(this.totals.get(key), this.where(`get ${encodeURIComponent(key)}`)).toEqual(this.live.totals.get(key));
  }

  private range(): void {
    const from = this.dice.next() < 0.2 ? undefined : this.key();
    const to = this.dice.next() < 0.2 ? undefined : this.key();
    const wanted = this.sorted(this.live.totals).filter(
      ([key]) => byBytes(key, from ?? "") >= 0 && (to === undefined || byBytes(key, to) < 0),
    );
    expect([...this.totals.range(from, to)], this.where("range")).toEqual(wanted);
  }

  private prefix(): void {
    const prefix = this.key().slice(0, 1);
    if (!prefix.isWellFormed()) return;
    const wanted = this.sorted(this.live.totals).filter(([key]) => key.startsWith(prefix));
    expect([...this.totals.prefix(prefix)], this.where("prefix")).toEqual(wanted);
  }

  private putWindow(): void {
    const start = this.start();
    const key = this.key();
    const value = this.value();
    this.perMinute.put(key, start, value);
    if (start < this.live.expired) return;
    if (!this.live.windows.has(start)) this.live.windows.set(start, new Map());
    this.live.windows.get(start)!.set(key, value);
  }

  private deleteWindow(): void {
    const start = this.start();
    const key = this.key();
    this.perMinute.delete(key, start);
    this.live.windows.get(start)?.delete(key);
  }

  private getWindow(): void {
    const start = this.start();
    const key = this.key();
    expect(this.perMinute.get(key, start), this.where(`get ${encodeURIComponent(key)} ${start}`)).toEqual(
      this.live.windows.get(start)?.get(key),
    );
  }

  private rangeWindows(): void {
    const from = this.start();
    const to = from + this.dice.upTo(5) * 60_000;
    const starts = [...this.live.windows.keys()].filter((start) => start >= from && start < to).sort((a, b) => a - b);
    const wanted = starts.flatMap((start) => this.sorted(this.live.windows.get(start)!).map(([key, value]) => [start, key, value]));
    expect([...this.perMinute.range(from, to)], this.where("range of windows")).toEqual(wanted);
  }

  private windowsOf(): void {
    const key = this.key();
    const wanted = [...this.live.windows]
      .filter(([, entries]) => entries.has(key))
      .map(([start, entries]) => [start, entries.get(key)] as const)
      .sort(([a], [b]) => a - b);
    expect([...this.perMinute.windowsOf(key, 0, Infinity)], this.where("windowsOf")).toEqual(wanted);
  }

  private expire(): void {
    this.time += this.dice.upTo(3) * 60_000;
    const before = Math.max(0, this.time - 120_000);
    this.perMinute.expire(before);
    this.live.expired = Math.max(this.live.expired, before);
    for (const start of this.live.windows.keys()) if (start < before) this.live.windows.delete(start);
  }

  /** The changes are under way to the log, and the task goes on. */
  private take(): void {
    this.taken ??= { changes: this.state.takeChanges(), model: this.live.copy() };
  }

  private async commit(): Promise<void> {
    this.take();
    await this.makeDurable();
    this.state.committed(this.number);
    this.taken = undefined;
    for (let folds = 0; this.state.mustFold; folds++) {
      expect(folds, this.where("folding comes to an end")).toBeLessThan(1000);
      this.state.fold(10);
    }
  }

  private async makeDurable(): Promise<void> {
    const { changes, model } = this.taken!;
    this.number += BigInt(this.dice.between(1, 2));
    await this.ground.commit(task, this.number, changes);
    this.durable = model;
  }

  private async restart(): Promise<void> {
    if (this.dice.next() < 0.5) await this.ground.restart();
    this.open();
    this.taken = undefined;
    this.live = this.durable.copy();
    expect([...this.totals.range()], this.where("after a restart")).toEqual(this.sorted(this.live.totals));
  }

  private async dieInCommit(): Promise<void> {
    this.take();
    if (this.dice.next() < 0.5) await this.makeDurable();
    await this.restart();
  }

  private open(): void {
    this.state = this.ground.storage.open(task, specs);
    this.totals = this.state.keyValue("totals");
    this.perMinute = this.state.window("perMinute");
  }

  private sorted(entries: ReadonlyMap<string, Value>): (readonly [string, Value])[] {
    return [...entries].sort(([a], [b]) => byBytes(a, b));
  }

  private key(): string {
    return this.keys[this.dice.upTo(this.keys.length)]!;
  }

  private start(): number {
    return Math.max(0, this.time + (this.dice.upTo(6) - 3) * 60_000);
  }

  private value(): Value {
    return { n: this.count, text: "x".repeat(this.dice.upTo(40)) };
  }

  private where(what: string): string {
    return `${what}, operation ${this.count}, SEED=${this.dice.seed}`;
  }
}

/** Mulberry32. */
class Dice {
  readonly seed: number;
  private state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  /** At least 0, below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  upTo(n: number): number {
    return Math.floor(this.next() * n);
  }

  between(low: number, high: number): number {
    return low + this.upTo(high - low + 1);
  }
}
