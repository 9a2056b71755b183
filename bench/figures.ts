/** One line of the last table. `reached` is absent where nothing is to be reached. */
export type Figure = {
  readonly job: string;
  readonly figure: string;
  readonly peer?: string;
  readonly target?: string;
  readonly reached?: boolean;
};

/** What a bench is given: `quick` for a look at whether it runs at all, whose figures say nothing. */
export type BenchOptions = { readonly quick: boolean; readonly rounds: number; readonly say: (line: string) => void };
export type Bench = (options: BenchOptions) => Promise<readonly Figure[]>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** `61k (58k–64k)`: median and range. */
export function spread(values: readonly number[], show: (value: number) => string): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length < 2 ? show(median(values)) : `${show(median(values))} (${show(low)}–${show(high)})`;
}

export const thousands = (value: number): string => (value >= 10_000 ? `${(value / 1000).toFixed(0)}k` : value.toFixed(0));
export const micros = (value: number): string => `${value.toFixed(2)} µs`;
export const millis = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
export const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;

/** The value below which a share of them lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Prints all figures as one table of Markdown. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ job, figure, peer = "", target = "", reached }) => [
    job,
    figure,
    peer,
    target,
    reached === undefined ? "" : reached ? "reached" : "NOT reached",
  ]);
  const all = [["job", "measured", "beside it, in the same run", "target", ""], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`);
  lines.splice(1, 0, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  return lines.join("\n");
}
