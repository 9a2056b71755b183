import { runLoadCommand } from "./command.ts";

/** A terminal's Ctrl-C reaches the whole process group, and npm passes its own on as well: one key, two signals. */
const sameKeyMs = 1000;
const interrupted = new AbortController();
let interruptedAtMs = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    const now = performance.now();
    // Who asks twice does not want to wait.
    if (interrupted.signal.aborted && now - interruptedAtMs > sameKeyMs) process.exit(130);
    if (!interrupted.signal.aborted) interruptedAtMs = now;
    interrupted.abort();
  });
}
process.exitCode = await runLoadCommand(process.argv.slice(2), {
  env: process.env,
  say: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
  signal: interrupted.signal,
});
