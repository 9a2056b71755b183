type Ranking = {
  readonly limit: number;
  /** Negative: `a` comes first. Never 0 for rows of different members. */
  readonly compare: (a: unknown, b: unknown) => number;
  readonly memberOf: (row: unknown) => string | null;
  /** Every member's last row: only read when a listed row has fallen so far that one from outside may pass it. */
  readonly all: () => unknown[];
};

/** The best `limit` rows, best first, after a row of a member has taken the place of its last one. */
export function placeRow(listed: readonly unknown[], row: unknown, { limit, compare, memberOf, all }: Ranking): readonly unknown[] {
  const member = memberOf(row);
  const at = listed.findIndex((one) => memberOf(one) === member);
  const others = at < 0 ? listed : listed.toSpliced(at, 1);
  const found = others.findIndex((one) => compare(row, one) < 0);
  const place = found < 0 ? others.length : found;
  const hasFallen = at >= 0 && compare(row, listed[at]) > 0;
  // At the end of a full list, after a fall: a row that is not listed may be better now.
  if (hasFallen && listed.length === limit && place === others.length) return all().sort(compare).slice(0, limit);
  return others.toSpliced(place, 0, row).slice(0, limit);
}
