import { parseTimestamp } from "#schemas/timestamp.ts";
import type { Limits } from "../limits.ts";

/** Reads a sender's clock, `sentAt` of the body or of the header; undefined when there is none that can be read. */
export function skewOf(sentAt: unknown, receivedAtMs: number): number | undefined {
  const sentAtMs = typeof sentAt === "string" ? parseTimestamp(sentAt) : undefined;
  return sentAtMs === undefined ? undefined : receivedAtMs - sentAtMs;
}

/**
 * The time by which an event counts: its own, moved by the sender's skew when that is too large to be the way, and never far ahead of ours
 * (one wrong clock must not close everyone's windows). `invalid`: before 1970, which the log cannot hold.
 */
export function eventTime(toldMs: number, skewMs: number, now: { readonly ms: number; readonly limits: Limits }): EventTime {
  const corrected = Math.abs(skewMs) > now.limits.skewMs ? toldMs + skewMs : toldMs;
  if (toldMs < 0 || corrected < 0) return { kind: "invalid" };
  return corrected > now.ms + now.limits.aheadMs ? { kind: "ahead", ms: now.ms } : { kind: "told", ms: corrected };
}

export type EventTime =
  | { readonly kind: "told"; readonly ms: number }
  | { readonly kind: "ahead"; readonly ms: number }
  | { readonly kind: "invalid" };
