import type { Codec } from "./codec.ts";

/**
 * Keys are well-formed text, ordered by code point, which is the order of their UTF-8 bytes on disk. `tuple-key.ts` makes one of several parts.
 * A value handed to `put` belongs to the store, and what `get` returns is the live value: change it only to `put` it again.
 * Reads see all puts of the task before them, committed or not. All calls are synchronous.
 */
export interface KeyValueStore<V> {
  get(key: string): V | undefined;
  put(key: string, value: V): void;
  delete(key: string): void;
  /** Entries with `from` ≤ key < `to` in key order; an absent bound is open. Puts made while it is read may or may not be seen. */
  range(from?: string, to?: string): IterableIterator<readonly [key: string, value: V]>;
  /** Entries whose key begins with `prefix`, in key order. */
  prefix(prefix: string): IterableIterator<readonly [key: string, value: V]>;
}

/** Values by window and key; a window is named by its start (ms since the epoch, ≥ 0). */
export interface WindowStore<V> {
  get(key: string, start: number): V | undefined;
  put(key: string, start: number, value: V): void;
  delete(key: string, start: number): void;
  /** Entries of windows with `from` ≤ start < `to`, in order of start, then key; in the window that starts at `from` only those with key ≥ `fromKey`. */
  range(from: number, to: number, fromKey?: string): IterableIterator<readonly [start: number, key: string, value: V]>;
  /** The windows of one key with `from` ≤ start < `to`, in order of start. */
  windowsOf(key: string, from: number, to: number): IterableIterator<readonly [start: number, value: V]>;
  /** Drops every window with start < `before`, folded or not; never goes back. */
  expire(before: number): void;
}

export type KeyValueStoreSpec<V = unknown> = { readonly kind: "key-value"; readonly codec: Codec<V> };
export type WindowStoreSpec<V = unknown> = { readonly kind: "window"; readonly codec: Codec<V> };
export type StoreSpec = KeyValueStoreSpec | WindowStoreSpec;

export const keyValueStore = <V>(codec: Codec<V>): KeyValueStoreSpec<V> => ({ kind: "key-value", codec });
export const windowStore = <V>(codec: Codec<V>): WindowStoreSpec<V> => ({ kind: "window", codec });

/** The store that a spec opens. */
export type StoreOf<S> =
  S extends KeyValueStoreSpec<infer V> ? KeyValueStore<V> : S extends WindowStoreSpec<infer V> ? WindowStore<V> : never;
