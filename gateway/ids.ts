import { randomFillSync } from "node:crypto";

/** Where ids come from; tests hand in one that counts. */
export type Ids = {
  /** A UUID of version 7 for a moment: ids sort by time. */
  readonly uuid: (nowMs: number) => string;
  /** Random bytes in hexadecimal. */
  readonly hex: (bytes: number) => string;
  /** A number in [0, 1). */
  readonly roll: () => number;
};

const poolBytes = 4096;

/** Random ids from a pool, since asking the system for eight bytes at a time costs more than a request may. */
export function randomIds(): Ids {
  const pool = Buffer.allocUnsafeSlow(poolBytes);
  let at = poolBytes;
  const take = (bytes: number): number => {
    if (at + bytes > poolBytes) {
      randomFillSync(pool);
      at = 0;
    }
    at += bytes;
    return at - bytes;
  };
  return {
    uuid(nowMs) {
      const time = Math.floor(nowMs).toString(16).padStart(12, "0");
      const start = take(10);
      pool[start] = (pool[start]! & 0x0f) | 0x70;
      pool[start + 2] = (pool[start + 2]! & 0x3f) | 0x80;
      const rest = pool.toString("hex", start, start + 10);
      return `${time.slice(0, 8)}-${time.slice(8)}-${rest.slice(0, 4)}-${rest.slice(4, 8)}-${rest.slice(8)}`;
    },
    hex(bytes) {
      const start = take(bytes);
      return pool.toString("hex", start, start + bytes);
    },
    roll: () => pool.readUInt32BE(take(4)) / 2 ** 32,
  };
}
