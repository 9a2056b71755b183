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
  const bytes = Buffer.allocUnsafeSlow(poolBytes);
  let digits = "";
  let at = 0;
  const take = (count: number): string => {
    if (at + count > digits.length) {
      digits = randomFillSync(bytes).toString("hex");
      at = 0;
    }
    at += count;
    return digits.slice(at - count, at);
  };
  return {
    uuid(nowMs) {
      const time = Math.floor(nowMs).toString(16).padStart(12, "0");
      const rest = take(19);
      // Of the variant's digit two bits are fixed.
      const variant = "89ab"[Number.parseInt(rest[0]!, 16) & 3]!;
      return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(1, 4)}-${variant}${rest.slice(4, 7)}-${rest.slice(7)}`;
    },
    hex: (count) => take(2 * count),
    roll: () => Number.parseInt(take(8), 16) / 2 ** 32,
  };
}
