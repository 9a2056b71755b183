import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withFolderLock } from "./folder-lock.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "millrace-lock-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("while one command is at work another is refused, and told whose turn it is", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = withFolderLock(folder, () => promise);
  const expected = { code: "KAFKA_RUNNING", message: expect.stringContaining(`pid ${process.pid}`) as string };
  await expect(withFolderLock(folder, async () => "second")).rejects.toMatchObject(expected);
  resolve("first");
  expect(await first).toBe("first");
  expect(await withFolderLock(folder, async () => "third")).toBe("third");
  expect(readdirSync(folder)).toEqual([]);
});

test("a command that fails, or was killed, keeps nobody out", async () => {
  await expect(withFolderLock(folder, () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  const { pid } = spawnSync(process.execPath, ["--version"]);
  writeFileSync(join(folder, "command.pid"), String(pid));
  expect(await withFolderLock(folder, async () => "done")).toBe("done");
  expect(readdirSync(folder)).toEqual([]);
});
