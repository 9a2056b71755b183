// Read by k6 as well as by Node: nothing here may import what k6 does not have.

/** Who sent an event, and as the how-manieth: request `request` of virtual user `user`, event `index` in it. All from 0, users from 1. */
export type EventPlace = { readonly user: number; readonly request: number; readonly index: number };

/** `{run}.{user}.{request}.{index}`: names the event in any run, and lets the verifier tell what was sent before it. */
export function eventIdOf(run: string, { user, request, index }: EventPlace): string {
  return `${idsOf(run, user, request)}${index}`;
}

/** What the ids of a request's events begin with; the index follows. */
export const idsOf = (run: string, user: number, request: number): string => `${run}.${user}.${request}.`;

/** Undefined for an id of another run, or of nobody here. */
export function placeOf(run: string, eventId: string): EventPlace | undefined {
  if (!eventId.startsWith(`${run}.`)) return undefined;
  const match = /^\.(\d+)\.(\d+)\.(\d+)$/.exec(eventId.slice(run.length));
  return match === null ? undefined : { user: Number(match[1]), request: Number(match[2]), index: Number(match[3]) };
}
