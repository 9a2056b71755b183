const lookEveryMs = 500;

/**
 * Calls back when what npm started has lost its parent: npm and npx pass a SIGTERM on to the shell between them and the program, and the shell ends
 * without a word, so that a service that is stopped by npm's pid would run on. Keeps no process alive.
 */
export function whenOrphaned(env: Readonly<Record<string, string | undefined>>, orphaned: () => void): void {
  if (env["npm_command"] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    orphaned();
  }, lookEveryMs);
  timer.unref();
}
