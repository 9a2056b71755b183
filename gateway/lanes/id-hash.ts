import { randomInt } from "node:crypto";

/** A hash of short texts, another one in each process: ids are the senders' to choose, and must not be made to meet on purpose. */
export function idHash(seed: number = randomInt(2 ** 32)): (text: string) => number {
  return (text) => {
    let hash = seed ^ text.length;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    return hash | 0;
  };
}
