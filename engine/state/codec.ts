/** How a store's values become bytes. Schemas make these; a codec is deterministic: equal values give equal bytes. */
export type Codec<V> = {
  /** The bytes are copied before the next call, so they may be a view into a buffer that the codec uses again. */
  encode(value: V): Uint8Array;
  /** `bytes` may be a view into a larger buffer: copy what is kept. */
  decode(bytes: Uint8Array): V;
};
