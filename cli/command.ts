/** Where a command runs: the process, or a test. */
export type CommandHost = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean; readonly rows?: number; readonly columns?: number };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
};

/** Answers the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export type Command = (args: readonly string[], host: CommandHost) => Promise<number>;
