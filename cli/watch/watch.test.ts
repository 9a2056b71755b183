import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";

const launcher = new URL("../millrace.js", import.meta.url).pathname;
const shipped = new URL("../../topology/", import.meta.url).pathname;
const patience = { timeout: 60_000, interval: 25 };

type Session = {
  readonly file: string;
  readonly cases: string;
  /** Waits for one more result; answers all that was said since the last. */
  readonly next: (pattern: RegExp) => Promise<string>;
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
};

// A run is a process that reads its sources anew.
vi.setConfig({ testTimeout: 120_000 });
const { FORCE_COLOR: _force, ...withoutColours } = process.env;

/** `millrace COMMAND --watch` of a small topology in a process of its own. */
async function start(command: "check" | "test", topology = small): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-watch-"));
  const [file, cases] = [join(folder, "shop.yaml"), join(folder, "shop.test.yaml")];
  writeFileSync(file, topology);
  if (command === "test") writeFileSync(cases, casesOf(2));
  const child: ChildProcess = spawn(process.execPath, [launcher, command, "--watch", file], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
    env: withoutColours,
  });
  let text = "";
  child.stdout!.on("data", (part: Buffer) => (text += part.toString()));
  const ended = new Promise<number | null>((settle) => child.once("exit", settle));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    file,
    cases,
    next: async (pattern) => {
      await expect.poll(() => text, patience).toMatch(pattern);
      const before = text;
      text = "";
      return before;
    },
    end: async (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

const small = `topology: shop
nodes:
  units: { from: business.inventory.received, aggregate: { units: sum(data.quantity) } }
`;
const casesOf = (units: number): string => `- name: units add up
  in: { business.inventory.received: [{ data: { sku: A, quantity: 2 } }] }
  rows: { units: [{ sku: A, units: ${units} }] }
`;

describe("[ED3] check --watch", () => {
  test("checks again at every change, however the file is written; Ctrl-C ends it with 0", async () => {
    const { file, cases, next, end } = await start("check");
    expect(await next(/no mistakes\n/)).toMatch(/^ok · watching, Ctrl-C ends\nshop\.yaml: 1 nodes, 1 queries, no mistakes\n/);

    writeFileSync(file, small.replace("sum(", "summ("));
    expect(await next(/TOPOLOGY_\w+/)).toMatch(
      /^not ok · shop\.yaml changed · watching[^\n]*\nshop\.yaml:3:\d+ {2}TOPOLOGY_UNKNOWN_FUNCTION/,
    );

    // As vim and many others write: another file takes the name.
    writeFileSync(`${file}~`, small.replace("units:", "pieces:"));
    renameSync(`${file}~`, file);
    expect(await next(/no mistakes\n/)).toMatch(/^ok · shop\.yaml changed/);

    unlinkSync(file);
    expect(await next(/cannot be read/)).toMatch(/^not ok[^\n]*\nshop\.yaml cannot be read: ENOENT/);
    writeFileSync(file, small);
    expect(await next(/no mistakes\n/)).toMatch(/^ok/);

    // Cases beside it are read too.
    writeFileSync(cases, "- nam: x\n");
    expect(await next(/TOPOLOGY_MISSING_FIELD/)).toMatch(/shop\.test\.yaml:1:3/);
    expect(await end("SIGINT")).toBe(0);
  });

  test("a file in pieces is checked when it is whole, or at least stands still", async () => {
    const { file, next, end } = await start("check", readFileSync(join(shipped, "commerce.yaml"), "utf8"));
    expect(await next(/no mistakes\n/)).toContain("queries, no mistakes");
    const text = readFileSync(join(shipped, "commerce.yaml"), "utf8").replace("tumbling: 1d", "tumbling: 2d");
    writeFileSync(file, "");
    for (let at = 0; at < text.length; at += 100) writeFileSync(file, text.slice(at, at + 100), { flag: "a" });
    expect(await next(/no mistakes\n/)).toMatch(/^(not ok[\s\S]*\n\n)?ok · shop\.yaml changed/);
    copyFileSync(join(shipped, "fixtures/ten-mistakes.yaml"), file);
    expect((await next(/WRONG_KEY[^\n]*\n/)).match(/shop\.yaml:\d+:\d+/g)!.length).toBeGreaterThanOrEqual(10);
    expect(await end("SIGTERM")).toBe(0);
  });
});

test("[ED3] test --watch runs the cases again when they or their topology change", async () => {
  const { file, cases, next, end } = await start("test");
  expect(await next(/\d failed\n/)).toContain("1 passed, 0 failed");
  writeFileSync(cases, casesOf(3));
  expect(await next(/\d failed\n/)).toMatch(/shop\.test\.yaml changed[\s\S]*\[0\]\.units {2}3 {9}2\n/);
  writeFileSync(file, small.replace("data.quantity", "data.quantity + 1"));
  expect(await next(/\d failed\n/)).toMatch(/shop\.yaml changed[\s\S]*1 passed, 0 failed/);
  writeFileSync(file, "topology: [");
  expect(await next(/NOT_YAML/)).toMatch(/^not ok/);
  writeFileSync(file, small);
  expect(await next(/\d failed\n/)).toMatch(/0 passed, 1 failed/);
  expect(await end("SIGINT")).toBe(0);
});
