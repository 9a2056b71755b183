import { type StoreDelta, taskId } from "#broker/broker.ts";
import { reusingCodec, type StateGround, type StateHarness, type Value } from "./state-harness.ts";
import { type KeyValueStore, keyValueStore, type StoreSpec, type WindowStore, windowStore } from "./store.ts";
import type { TaskState, TaskStateLimits } from "./task-state.ts";

export const benchTask = taskId("orders", 3);
export const benchSpecs = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };

/** What the laws of state are asked of: one task with two stores on a ground, whose commits are counted. `use` comes first. */
export class StateBench {
  ground!: StateGround;
  state!: TaskState;
  totals!: KeyValueStore<Value>;
  perMinute!: WindowStore<Value>;
  /** Of the last commit. */
  number = 0n;
  readonly #harness: StateHarness;

  constructor(harness: StateHarness) {
    this.#harness = harness;
  }

  /** A new ground; the last one was closed. */
  async use(limits: Partial<TaskStateLimits>): Promise<void> {
    this.ground = await this.#harness(limits);
    this.number = 0n;
    this.open();
  }

  open(stores: Readonly<Record<string, StoreSpec>> = benchSpecs): void {
    this.state = this.ground.storage.open(benchTask, stores);
    if ("totals" in stores) this.totals = this.state.keyValue("totals");
    if ("perMinute" in stores) this.perMinute = this.state.window("perMinute");
  }

  async commit(): Promise<readonly StoreDelta[]> {
    const changes = this.state.takeChanges();
    this.number += 1n;
    await this.ground.commit(benchTask, this.number, changes);
    this.state.committed(this.number);
    return changes;
  }

  async restart(stores?: Readonly<Record<string, StoreSpec>>): Promise<void> {
    await this.ground.restart();
    this.open(stores);
  }

  /** Commits enough other keys for all that was committed before to be in the base, and out of memory. */
  async foldAway(): Promise<void> {
    const others = Array.from({ length: 10 }, (_, i) => `~filler ${i}`);
    for (let round = 0; round < 4; round++) {
      for (const key of others) this.totals.put(key, valueOf(round));
      await this.commit();
      while (this.state.fold(3) > 0);
    }
    for (const key of others) this.totals.delete(key);
    for (let round = 0; round < 3; round++) {
      for (const key of others) this.totals.delete(key);
      await this.commit();
      while (this.state.fold(3) > 0);
    }
  }
}

export const valueOf = (n: number, text = `value ${n}`): Value => ({ n, text });

export const keysOf = (entries: Iterable<readonly [string, Value]>): string[] => Array.from(entries, ([key]) => key);
