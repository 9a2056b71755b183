import { splitTaskId, type TaskId } from "@millrace/engine";

/** Tasks in few words, by sub-topology: `orders/0-3,7 lines/2`. */
export function taskRanges(tasks: readonly TaskId[]): string {
  const bySub = Map.groupBy(tasks.map(splitTaskId), ({ subTopology }) => subTopology);
  return Array.from(bySub, ([sub, of]) => `${sub}/${ranges(of.map(({ partition }) => partition))}`).join(" ");
}

function ranges(numbers: readonly number[]): string {
  const found: [first: number, last: number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}
