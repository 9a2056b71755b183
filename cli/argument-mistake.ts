/** What `parseArgs` has against an argument, in a sentence; Node explains behind it how an argument could begin with a dash, which none of ours does. */
export const argumentMistake = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\. To specify a positional .*$/s, "");
