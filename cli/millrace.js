#!/usr/bin/env node
// `npx millrace` may be started by an older Node; the commands need type stripping, so they run under the checkout's own.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const [major, minor] = process.versions.node.split(".").map(Number);
const node = major > 24 || (major === 24 && minor >= 12) ? process.execPath : createRequire(import.meta.url).resolve("node/bin/node");
const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code ?? 1)));
