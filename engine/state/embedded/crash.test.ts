import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import type { Value } from "#state/state-harness.ts";
import { crashLimits, crashSpecs, crashTask, workOf } from "./crash-work.ts";
import { embeddedStateStorage } from "./embedded-state-storage.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(`[S12] a process killed while it folds loses nothing committed, and nothing rises again, SEED=${seed}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-state-"));
  const path = join(folder, "log.db");
  const totals = new Map<string, Value>();
  const windows = new Map<string, Value>();
  let expired = 0;
  const model = {
    totals: { put: (key: string, value: Value) => void totals.set(key, value), delete: (key: string) => void totals.delete(key) },
    perMinute: {
      put: (key: string, start: number, value: Value) => void windows.set(`${start} ${key}`, value),
      expire: (before: number) => {
        expired = Math.max(expired, before);
        for (const name of windows.keys()) if (Number.parseInt(name, 10) < expired) windows.delete(name);
      },
    },
  };
  let next = 1;
  try {
    for (let round = 0; round < 8; round++) {
      const killAt = 1 + ((seed + round * 7919) % 997);
      const child = spawnSync(process.execPath, [join(import.meta.dirname, "crash-child.ts"), path, String(next), String(killAt)], {
        encoding: "utf8",
      });
      expect(child.signal, child.stderr).toBe("SIGKILL");
      const last = Number(child.stdout.trim().split("\n").at(-1));
      for (; next <= last; next++) workOf(next, model);

      const database = new EmbeddedDatabase(path);
      const state = embeddedStateStorage(database, crashLimits).open(crashTask, crashSpecs);
      expect(new Map(state.keyValue<Value>("totals").range())).toEqual(totals);
      const found = Array.from(
        state.window<Value>("perMinute").range(0, Infinity),
        ([start, key, value]) => [`${start} ${key}`, value] as const,
      );
      expect(new Map(found)).toEqual(windows);
      database.close();
    }
    expect(next).toBeGreaterThan(50);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
