import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "./run/testing/run-process.ts";

const module = new URL("./orphaned.ts", import.meta.url).href;

/** A shell that runs a program which notes that it has begun and that it was orphaned; the shell is ended with SIGTERM. */
async function endTheShellOf(npmCommand: string | undefined): Promise<string> {
  const note = join(temporaryFolder(), "note");
  const program = `
    const { whenOrphaned } = await import(${JSON.stringify(module)});
    const { appendFileSync } = await import("node:fs");
    const end = setTimeout(() => (appendFileSync(${JSON.stringify(note)}, "stays"), process.exit()), 3000);
    whenOrphaned(process.env, () => (appendFileSync(${JSON.stringify(note)}, "orphaned"), clearTimeout(end)));
    appendFileSync(${JSON.stringify(note)}, "began ");`;
  const env = {
    ...process.env,
    NODE: process.execPath,
    PROGRAM: program,
    ...(npmCommand === undefined ? {} : { npm_command: npmCommand }),
  };
  if (npmCommand === undefined) delete (env as Record<string, string | undefined>)["npm_command"];
  const shell = spawn("sh", ["-c", '"$NODE" --input-type=module -e "$PROGRAM"; exit $?'], { env, stdio: "ignore" });
  const said = (): string => (existsSync(note) ? readFileSync(note, "utf8") : "");
  await expect.poll(said, { timeout: 20_000 }).toBe("began ");
  shell.kill("SIGTERM");
  await once(shell, "exit");
  await expect.poll(said, { timeout: 20_000 }).toMatch(/orphaned|stays/);
  return said();
}

test("[R21] what npm started hears that npm's shell is gone; what was started otherwise goes on", async () => {
  expect(await Promise.all([endTheShellOf("exec"), endTheShellOf(undefined)])).toEqual(["began orphaned", "began stays"]);
});
