// Read by k6 as well as by Node: nothing here may import what k6 does not have.

/**
 * Who sent an event, and as the how-manieth: request `request` of virtual user `user`, event `index` in it. Users from 1; requests from 0, which is
 * the first of their first round, though a user may begin behind it.
 */
export type EventPlace = { readonly user: number; readonly request: number; readonly index: number };

/** How many requests a round has: few, since all users keep theirs, but so many that visits have room in them. */
export const requestsOfRound = (batch: number): number => Math.ceil(Math.min(3000, Math.max(160, 30 * batch)) / batch);

/** Where in its first round a user begins: elsewhere than others, or all would fill carts at one time, and order at another. */
export const firstRequestOf = (user: number, batch: number): number => (user * primeAboveRounds) % requestsOfRound(batch);
const primeAboveRounds = 167;

/** `{run}.{user}.{round}-{request of the round}.{index}`: names the event in any run, and lets the verifier tell what was sent before it. */
export function eventIdOf(run: string, batch: number, { user, request, index }: EventPlace): string {
  const requests = requestsOfRound(batch);
  return `${idsOf(run, user, Math.floor(request / requests), request % requests)}${index}`;
}

/** What the ids of a request's events begin with; the index follows. */
export const idsOf = (run: string, user: number, round: number | string, request: number): string => `${run}.${user}.${round}-${request}.`;

/** Undefined for an id of another run, or of nobody here. */
export function placeOf(run: string, batch: number, eventId: string): EventPlace | undefined {
  if (!eventId.startsWith(`${run}.`)) return undefined;
  const match = /^\.(\d+)\.(\d+)-(\d+)\.(\d+)$/.exec(eventId.slice(run.length));
  if (match === null) return undefined;
  const [user, round, request, index] = match.slice(1).map(Number) as [number, number, number, number];
  const requests = requestsOfRound(batch);
  return request < requests && index < batch ? { user, request: round * requests + request, index } : undefined;
}
