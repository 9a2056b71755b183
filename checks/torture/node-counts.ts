/** What became of a node's records, by outcome (drops by reason: `dropped late`). */
export type Outcomes = ReadonlyMap<string, number>;

/** The counts of every node, as `/metrics` shows them. */
export async function nodeCountsOf(url: string): Promise<ReadonlyMap<string, Outcomes>> {
  const response = await fetch(`${url}/metrics`);
  const nodes = new Map<string, Map<string, number>>();
  for (const line of (await response.text()).split("\n")) {
    const match = /^millrace_node_(records|missed_windows)_total\{(.*)\} (\S+)$/.exec(line);
    if (match === null) continue;
    const labels = Object.fromEntries([...match[2]!.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const { node = "", outcome = "missed", reason = "" } = labels;
    const counts = nodes.get(node) ?? new Map<string, number>();
    counts.set(`${outcome} ${reason}`.trim(), Number(match[3]));
    nodes.set(node, counts);
  }
  return nodes;
}

/** Nodes whose counts do not say of each record what became of it: in = emitted + folded + dropped + dead-lettered. */
export function unbalanced(nodes: ReadonlyMap<string, Outcomes>): string[] {
  return [...nodes].flatMap(([node, counts]) => {
    const entered = counts.get("in") ?? 0;
    const left = [...counts].reduce(
      (sum, [outcome, count]) => sum + (/^(emitted|folded|dead-lettered|dropped)/.test(outcome) ? count : 0),
      0,
    );
    return entered === left ? [] : [`node ${node}: in ${entered}, but ${left} accounted for: ${JSON.stringify([...counts])}`];
  });
}

/** Windows missed, by node: none, however often it was killed. (A `dedupe` counts what is too old to tell from a duplicate as a late drop.) */
export function missedWindows(nodes: ReadonlyMap<string, Outcomes>): string[] {
  return [...nodes].flatMap(([node, counts]) =>
    counts.has("missed late") ? [`node ${node}: ${counts.get("missed late")} missed their window`] : [],
  );
}
