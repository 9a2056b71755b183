import { createHmac, timingSafeEqual } from "node:crypto";
import type { Place } from "./stream-request.ts";

/** Where a reader of one view stands: what it has been told, and the bounds of time that its stream began with. */
export type ReaderPlace = { readonly place: Place; readonly from: number | undefined; readonly to: number | undefined };

const version = 1;
const markLength = 16;

/** Makes and reads the ids of a stream's events. They are good for one log and one question: its query, columns and filters, which `question` names. */
export class PlaceIds {
  private readonly log: string;
  private readonly question: string;

  constructor(log: string, question: string) {
    this.log = log;
    this.question = question;
  }

  format({ place, from, to }: ReaderPlace): string {
    const body = Buffer.from(JSON.stringify([version, place.map(String), from ?? null, to ?? null])).toString("base64url");
    return `${body}.${this.markOf(body)}`;
  }

  /** Undefined for whatever was not made here. */
  parse(id: string): ReaderPlace | undefined {
    const match = /^([A-Za-z0-9_-]{1,8000})\.([A-Za-z0-9_-]{16})$/.exec(id);
    if (match === null) return undefined;
    const [, body, mark] = match;
    if (!timingSafeEqual(Buffer.from(mark!), Buffer.from(this.markOf(body!)))) return undefined;
    return placeIn(Buffer.from(body!, "base64url").toString());
  }

  private markOf(body: string): string {
    return createHmac("sha256", this.log).update(`${this.question}\n${body}`).digest("base64url").slice(0, markLength);
  }
}

/** What `format` wrote: the key of the mark may be known to others, so nothing is believed. */
function placeIn(text: string): ReaderPlace | undefined {
  try {
    const [, place, from, to] = JSON.parse(text) as [number, unknown, unknown, unknown];
    if (!Array.isArray(place) || !place.every((one) => typeof one === "string" && /^\d{1,19}$/.test(one))) return undefined;
    if (!isBound(from) || !isBound(to)) return undefined;
    return { place: (place as string[]).map(BigInt), from: from ?? undefined, to: to ?? undefined };
  } catch {
    return undefined;
  }
}

const isBound = (bound: unknown): bound is number | null => bound === null || Number.isSafeInteger(bound);

/** Whether all that `b` has is in `a` too. */
export const covers = (a: Place, b: Place): boolean => a.length === b.length && a.every((number, i) => number >= b[i]!);
