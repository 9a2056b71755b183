import type { Codec } from "#state/codec.ts";

/** An aggregate with the greatest timestamp of the records in it, ms. */
export type Timestamped<A> = { value: A; timestamp: number };

/** 8 bytes big-endian double, then the value's own bytes. */
export function timestamped<A>(codec: Codec<A>): Codec<Timestamped<A>> {
  return {
    encode: ({ value, timestamp }) => {
      const body = codec.encode(value);
      const bytes = Buffer.allocUnsafe(8 + body.length);
      bytes.writeDoubleBE(timestamp, 0);
      bytes.set(body, 8);
      return bytes;
    },
    decode: (bytes) => ({
      timestamp: Buffer.from(bytes.buffer, bytes.byteOffset, 8).readDoubleBE(0),
      value: codec.decode(bytes.subarray(8)),
    }),
  };
}
