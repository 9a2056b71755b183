#!/usr/bin/env node
// Starts the commands: from the bundle, as long as it is of these sources, else from the sources. `npx millrace` may be started by an older Node; the
// commands need type stripping, so they run under the checkout's own.
import { spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const main = join(root, isBundled() ? "dist/main.js" : "cli/main.ts");
const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 12)) await import(pathToFileURL(main));
else {
  const node = createRequire(import.meta.url).resolve("node/bin/node");
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)));
}

/** Whether every file of the bundle, and every one that it was made of, is what it was then. */
function isBundled() {
  try {
    const inputs = JSON.parse(readFileSync(join(root, "dist/inputs.json"), "utf8"));
    return inputs.every(([path, size, changedMs]) => {
      const now = statSync(join(root, path), { throwIfNoEntry: false });
      return now?.size === size && now.mtimeMs === changedMs;
    });
  } catch {
    return false;
  }
}
