import { enableCompileCache, getCompileCacheDir } from "node:module";
import { setHeapFlags } from "#engine/broker/heap-settings.ts";
import { whenOrphaned } from "./orphaned.ts";

setHeapFlags();

// Most of a start is reading TypeScript. The engine's thread inherits the cache by its environment; what is imported before this line is not cached.
enableCompileCache();
process.env["NODE_COMPILE_CACHE"] ??= getCompileCacheDir();

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
whenOrphaned(process.env, () => interrupted.abort());
const { runCommand } = await import("./commands.ts");
process.exitCode = await runCommand(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
});
