import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { instanceName, reachableHost } from "./instance.ts";

test("[R11] a state folder keeps the name that it was given first; another folder has another; one that is given counts and is not kept", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-instance-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [one, other] = [join(folder, "one"), join(folder, "deep", "other")];
  const name = instanceName(one, undefined);
  expect(name).toMatch(/^[A-Za-z0-9._-]+-[0-9a-f]{6}$/);
  expect(instanceName(one, "mine")).toBe("mine");
  expect(instanceName(one, undefined)).toBe(name);
  expect(instanceName(other, undefined)).not.toBe(name);
});

test("[R14] a state folder that is a file, or cannot be made, is told with what to do", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-instance-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file");
  writeFileSync(file, "");
  const message = `${file} cannot be the state folder: there is a file of that name; give another --state`;
  expect(() => instanceName(file, undefined)).toThrow(expect.objectContaining({ code: "RUN_STATE_FOLDER", message }));
  expect(() => instanceName(join(file, "below"), "mine")).toThrow(expect.objectContaining({ code: "RUN_STATE_FOLDER" }));
});

test("[Q32] other processes are told an address, never a wildcard", () => {
  expect(reachableHost("127.0.0.1")).toBe("127.0.0.1");
  expect(reachableHost("::1")).toBe("[::1]");
  for (const wildcard of ["0.0.0.0", "::"]) expect(reachableHost(wildcard)).not.toMatch(/^(0\.0\.0\.0|\[?::\]?)$/);
});
