/** The candidates that come closest to a name by edit distance, at most `count`, none that is more than a third off. */
export function nearest(name: string, candidates: Iterable<string>, count = 1): readonly string[] {
  const limit = Math.max(1, Math.floor(Math.max(name.length, 3) / 3));
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** `; did you mean "…"?`, or what there is to choose from when nothing comes close and the list is short. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const all = [...new Set(candidates)].sort();
  const [best] = nearest(name, all);
  if (best !== undefined) return `; did you mean "${best}"?`;
  if (all.length === 0) return "";
  return all.length <= 12 ? `; there is ${all.map((one) => `"${one}"`).join(", ")}` : "";
}

/** Insertions, deletions, replacements and swaps of neighbours, each 1. Source: Damerau–Levenshtein, restricted. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
