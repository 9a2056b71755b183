/** What a torture found in the end. */
export type Verdict = { readonly broken: readonly string[]; readonly lines: readonly string[]; readonly data: string };

const mostTold = 40;

/** Says what was found, and lets this process end with 1 when it was not as if nobody had been killed. */
export function tell({ broken, lines, data }: Verdict, say: (line: string) => void): void {
  for (const line of lines) say(line);
  if (broken.length === 0) return say("all as if nobody had been killed");
  process.exitCode = 1;
  say(`${broken.length} differences; the data lies in ${data}`);
  for (const line of broken.slice(0, mostTold)) say(`  ${line}`);
}

/** The children of this process end when it ends, by whatever: a signal must end it in order. */
export function endBySignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
}
