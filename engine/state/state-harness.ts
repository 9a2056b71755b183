import type { StoreDelta, TaskId } from "#broker/broker.ts";
import type { Codec } from "./codec.ts";
import type { StateStorage, TaskStateLimits } from "./task-state.ts";

/** The ground that state lies on, as durable as the adapter makes it. */
export type StateGround = {
  readonly storage: StateStorage;
  /** What the broker's commit does with a task's changes. */
  commit(task: TaskId, number: bigint, changes: readonly StoreDelta[]): Promise<void>;
  /** As a new process finds it: `storage` is another one over the same ground. */
  restart(): Promise<void>;
  close(): Promise<void>;
};
export type StateHarness = (limits: Partial<TaskStateLimits>) => StateGround | Promise<StateGround>;

export type Value = { readonly n: number; readonly text: string };

/** Writes every value into one buffer, as a codec may; so a store that keeps the view keeps the wrong bytes. */
export function reusingCodec(): Codec<Value> {
  const buffer = Buffer.alloc(1 << 16);
  return {
    encode: ({ n, text }) => {
      buffer.writeDoubleBE(n, 0);
      return buffer.subarray(0, 8 + buffer.write(text, 8));
    },
    decode: (bytes) => {
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return { n: view.readDoubleBE(0), text: view.toString("utf8", 8) };
    },
  };
}

/** Generations of eight entries, and next to no cache: folding and eviction happen all the time. */
export const tightLimits: TaskStateLimits = { tailEntries: 16, tailBytes: 1 << 20, cachedEntries: 4 };
