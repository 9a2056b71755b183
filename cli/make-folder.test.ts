import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "millrace-folder-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("[R19] a data folder is made with those above it, and is left alone when it is there", () => {
  const path = join(folder, "a", "b", "c");
  makeFolder(path);
  writeFileSync(join(path, "kept"), "");
  makeFolder(path);
  expect(existsSync(join(path, "kept"))).toBe(true);
});

test("[R19] where there can be no folder, that is said, and nothing hangs", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(() => makeFolder(file)).toThrow(expect.objectContaining({ code: "EEXIST" }));
  expect(() => makeFolder(join(file, "below", "it"))).toThrow(/EEXIST|ENOTDIR/);
  // It says that a folder which is there is not.
  if (existsSync("/proc/self")) expect(() => makeFolder("/proc/millrace/data")).toThrow(/ENOENT|EACCES|EPERM/);
});
