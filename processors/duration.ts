import { z } from "zod";

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
type Unit = keyof typeof unitMs;

const pattern = /^([1-9][0-9]{0,7})(ms|s|m|h|d)$/;

/** A span of time as a topology writes it (`30s`, `60m`, `1h`), above 0; in the configuration it is milliseconds. */
export const duration = z.string().regex(pattern, "expected a span of time such as 30s, 60m or 1h").transform(parseDuration);

function parseDuration(text: string): number {
  const [, count, unit] = pattern.exec(text)!;
  return Number(count) * unitMs[unit as Unit];
}

/** Milliseconds in the largest unit that needs no fraction: 3,600,000 is `1h`, 5,400,000 is `90m`. */
export function formatDuration(ms: number): string {
  const [unit, size] = Object.entries(unitMs).find(([, candidate]) => ms % candidate === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}
