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
    const [, place, from, to] = JSON.parse(Buffer.from(body!, "base64url").toString()) as [number, string[], number | null, number | null];
    return { place: place.map(BigInt), from: from ?? undefined, to: to ?? undefined };
  }

  private markOf(body: string): string {
    return createHmac("sha256", this.log).update(`${this.question}\n${body}`).digest("base64url").slice(0, markLength);
  }
}

/** Whether all that `b` has is in `a` too. */
export const covers = (a: Place, b: Place): boolean => a.length === b.length && a.every((number, i) => number >= b[i]!);
