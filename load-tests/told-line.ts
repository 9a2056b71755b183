import type { EventPlace } from "./event-id.ts";

// Read by k6 as well as by Node: nothing here may import what k6 does not have.

/** What became of one event of a request, a letter each: accepted, duplicate, rejected, not stored (`retry`), unknown. */
export type Outcome = "a" | "d" | "r" | "t" | "u";

/** What k6 was told. It writes a line each, since its metrics cannot say of which event they are. */
export type Told =
  | (Posted & {
      readonly kind: "posted";
      /** One letter an event; all accepted when it is "". */
      readonly outcomes: string;
      readonly status: number;
      /** Of the first event that was not accepted, or of the request. */
      readonly code: string;
    })
  /** From the sending of an order to the answer of a query that shows it; 0 when none did. */
  | (Place & { readonly kind: "shown"; readonly phase: string; readonly sentAt: number; readonly ms: number; readonly ack: string })
  | { readonly kind: "pulled"; readonly phase: string; readonly sentAt: number; readonly ms: number; readonly status: number };
type Place = Pick<EventPlace, "user" | "request">;
type Posted = Place & {
  readonly phase: string;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  /** From the first byte sent to the last received. */
  readonly ms: number;
};

const round = (ms: number): number => Math.round(ms * 100) / 100;

export function formatTold(told: Told): string {
  const { kind, phase, sentAt } = told;
  const ms = round(told.ms);
  if (kind === "pulled") return `Q ${phase} ${sentAt} ${ms} ${told.status}`;
  const place = `${told.user} ${told.request} ${phase} ${sentAt} ${ms}`;
  if (kind === "shown") return `V ${place} ${told.ack}`;
  return told.outcomes === "" ? `A ${place}` : `B ${place} ${told.outcomes} ${told.status} ${told.code}`;
}

/** Undefined for a line of anybody else, or one that is not whole. */
export function parseTold(line: string): Told | undefined {
  const [letter, ...fields] = line.split(" ");
  if (letter === "Q" && fields.length === 4) {
    const [phase, sentAt, ms, status] = fields;
    return { kind: "pulled", phase: phase!, sentAt: Number(sentAt), ms: Number(ms), status: Number(status) };
  }
  const [user, request, phase, sentAt, ms, ...rest] = fields;
  if (ms === undefined) return undefined;
  const place = { user: Number(user), request: Number(request), phase: phase!, sentAt: Number(sentAt), ms: Number(ms) };
  if (letter === "A") return { kind: "posted", ...place, outcomes: "", status: 200, code: "" };
  if (letter === "V") return { kind: "shown", ...place, ack: rest[0] ?? "" };
  if (letter === "B") return { kind: "posted", ...place, outcomes: rest[0] ?? "", status: Number(rest[1]), code: rest[2] ?? "" };
  return undefined;
}
