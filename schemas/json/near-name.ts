/** The candidate that a name was probably meant to be: the same but for case and separators, or one or two slips of the pen away. */
export function nearName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined;
  const plain = simplified(name);
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const other = simplified(candidate);
    const slips = plain === other ? 0 : distance(plain, other);
    if (slips < least && slips <= allowedSlips(other)) {
      best = candidate;
      least = slips;
    }
  }
  return best;
}

function allowedSlips(name: string): number {
  return name.length <= 2 ? 0 : name.length <= 5 ? 1 : 2;
}

function simplified(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ .]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
