import type { Position } from "./broker.ts";

/**
 * What an answer gives its reader to ask for its own write: `topic:partition:offset`, e.g. `business.orders.created:3:18446`. Several are
 * joined by commas; of several with the same topic and partition the highest offset says it all. It is satisfied when that offset was read.
 */
export function formatToken({ topic, partition, offset }: Position): string {
  return `${topic}:${partition}:${offset}`;
}

export type ParsedTokens =
  | { readonly kind: "positions"; readonly positions: readonly Position[] }
  | { readonly kind: "malformed"; readonly part: string; readonly reason: string };

const maxParts = 1000;
// A Kinesis sequence number has up to 129 digits; a topic is what Kafka allows.
const part = /^([A-Za-z0-9._-]{1,249}):(0|[1-9]\d{0,5}):(0|[1-9]\d{0,128})$/;

/** Reads tokens as a reader sends them: one position a partition, the highest, in the order in which partitions were first named. */
export function parseTokens(text: string): ParsedTokens {
  const highest = new Map<string, Position>();
  const parts = text.split(",");
  if (parts.length > maxParts) return { kind: "malformed", part: "", reason: `more than ${maxParts} tokens` };
  for (const written of parts) {
    const match = part.exec(written.trim());
    if (!match) return { kind: "malformed", part: written.slice(0, 100), reason: "a token is topic:partition:offset" };
    const [topic, partition, offset] = [match[1]!, Number(match[2]), BigInt(match[3]!)];
    const name = `${topic}:${partition}`;
    const known = highest.get(name);
    if (known === undefined || known.offset < offset) highest.set(name, { topic, partition, offset });
  }
  return { kind: "positions", positions: [...highest.values()] };
}
