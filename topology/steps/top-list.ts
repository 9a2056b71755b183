/** A row, and what tells it apart from the others of its group. */
export type Ranked = { readonly member: string; readonly row: unknown };

type Ranking = {
  readonly limit: number;
  /** Negative: `a` comes first. Never 0 for rows of different members. */
  readonly compare: (a: Ranked, b: Ranked) => number;
  /** Every member's last row: only read when a listed row has fallen so far that one from outside may pass it. */
  readonly all: () => Ranked[];
};

/** The best `limit` rows, best first, after a row of a member has taken the place of its last one: the same list when it is none of them. */
export function placeRow(listed: readonly Ranked[], one: Ranked, { limit, compare, all }: Ranking): readonly Ranked[] {
  const at = listed.findIndex(({ member }) => member === one.member);
  // Most rows of a large group are neither listed nor good enough to be.
  if (at < 0 && listed.length === limit && compare(one, listed.at(-1)!) > 0) return listed;
  const others = at < 0 ? listed : listed.toSpliced(at, 1);
  const found = others.findIndex((other) => compare(one, other) < 0);
  const place = found < 0 ? others.length : found;
  const hasFallen = at >= 0 && compare(one, listed[at]!) > 0;
  // At the end of a full list, after a fall: a row that is not listed may be better now.
  if (hasFallen && listed.length === limit && place === others.length) return all().sort(compare).slice(0, limit);
  return others.toSpliced(place, 0, one).slice(0, limit);
}
