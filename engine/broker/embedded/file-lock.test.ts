import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BrokerError } from "#broker/broker-error.ts";
import { openEmbeddedBroker } from "./embedded-broker.ts";
import { crashingProcess } from "./embedded-harness.ts";

let folder: string;
let path: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-lock-"));
  path = join(folder, "log.db");
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** A process that has the log open. */
async function ownerProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [crashingProcess, path], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout!, "data");
  return child;
}

function refusalOf(open: () => unknown): BrokerError {
  try {
    open();
  } catch (error) {
    expect(error).toBeInstanceOf(BrokerError);
    return error as BrokerError;
  }
  throw new Error("it was opened");
}

test("[L15] a second process is refused while the first one lives, and told who holds which file", async () => {
  const owner = await ownerProcess();
  const error = refusalOf(() => openEmbeddedBroker({ path }));
  expect(error).toMatchObject({ code: "BROKER_LOCKED", retryable: false });
  expect(error.message).toContain(`pid ${owner.pid}`);
  expect(error.message).toContain("log.db");
  expect(error.message).toContain("stop that one");
});

test("[L15] a lock ends with its process, however it ends", async () => {
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const owner = await ownerProcess();
    owner.kill(signal);
    await once(owner, "exit");
    const broker = openEmbeddedBroker({ path });
    await broker.close();
  }
});

test("[L15] this process too opens a file once, by whatever name; closed, it may be opened again", async () => {
  const broker = openEmbeddedBroker({ path });
  const other = join(folder, "other-name.db");
  symlinkSync(path, other);
  for (const name of [path, other, join(folder, ".", "..", folder.split("/").at(-1)!, "log.db")]) {
    expect(refusalOf(() => openEmbeddedBroker({ path: name })).code).toBe("BROKER_LOCKED");
  }
  // The refused ones must not have taken the lock away.
  const second = spawn(process.execPath, [crashingProcess, path], { stdio: ["ignore", "ignore", "pipe"] });
  children.push(second);
  const [code] = (await once(second, "exit")) as [number];
  expect(code).toBe(1);
  await broker.close();
  await openEmbeddedBroker({ path }).close();
});
