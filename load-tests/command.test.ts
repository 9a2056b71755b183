import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeEach, expect, test } from "vitest";
import { exitCodes, runLoadCommand } from "./command.ts";
import { k6AtHand } from "./install/find-k6.ts";
import { startOwnServer } from "./run/own-server.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-load-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const needsK6 = { timeout: 120_000 };
const k6 = await k6AtHand(process.env);
beforeEach(({ skip, task }) => {
  skip(k6 === undefined && task.name.includes("with k6"), "there is no k6 on the PATH, nor in the cache: npm run load -- fetch");
});

type Ran = { readonly code: number; readonly said: string; readonly complained: string };

async function load(args: readonly string[], hear: (line: string, end: AbortController) => void = () => undefined): Promise<Ran> {
  const end = new AbortController();
  const said: string[] = [];
  const complained: string[] = [];
  const code = await runLoadCommand(args, {
    env: process.env,
    say: (line) => {
      said.push(line);
      hear(line, end);
    },
    complain: (line) => void complained.push(line),
    signal: end.signal,
  });
  return { code, said: said.join("\n"), complained: complained.join("\n") };
}

/** The server that a run started is gone. */
async function isGone(said: string): Promise<boolean> {
  const url = /^started (http:\S+)$/m.exec(said)![1]!;
  return fetch(url).then(
    () => false,
    () => true,
  );
}

test("[LT7] --help tells the scenarios; what is not understood ends with 2, before anything is started", async () => {
  expect((await load(["--help"])).said).toMatch(/smoke[\s\S]*10k[\s\S]*spike[\s\S]*--batch N/);
  const { code, said, complained } = await load(["nonsense"]);
  expect({ code, said }).toEqual({ code: exitCodes.usage, said: "" });
  expect(complained).toMatch(/^LOAD_USAGE there is no scenario nonsense/);
});

test("[LT1] [LT11] with k6: a short run finds nothing wrong, reports, and leaves nothing behind", needsK6, async () => {
  const report = join(folder, "smoke.html");
  const { code, said, complained } = await load(["smoke", "--seconds", "3", "--no-timings", "--report", report, "--keep"]);
  expect({ code, complained }, said).toEqual({ code: exitCodes.held, complained: "" });
  expect(said).toMatch(/✓ log +(59|6[01])\d events of \d+ keys read back: 0 lost, 0 doubled, 0 disordered$/m);
  expect(said).toMatch(/✓ orders counted by the pipeline/);
  expect(said).toMatch(/ack level broker/);
  expect(readFileSync(report, "utf8")).toContain("All thresholds held");
  expect(await isGone(said)).toBe(true);
  const kept = /^kept: (.*)$/m.exec(said)![1]!;
  expect(existsSync(join(kept, "data", "log.db"))).toBe(true);
  rmSync(kept, { recursive: true });
});

test("[LT10] with k6: mixed, with pulls and readers of streams", needsK6, async () => {
  const { code, said } = await load(["mixed", "--seconds", "3", "--rate", "200", "--no-timings", "--report", join(folder, "mixed.html")]);
  expect(code, said).toBe(exitCodes.held);
  expect(said).toMatch(/✓ readers of streams +100, told [\d,]+ rows: 0 missed a last value, 0 broke off/);
  expect(said).toMatch(/pulls: p50/);
});

test("[LT11] with k6: Ctrl-C ends the load early; what was sent is read back all the same", needsK6, async () => {
  const report = join(folder, "ended.html");
  const { code, said } = await load(["soak", "--rate", "100", "--no-timings", "--report", report], (line, end) => {
    if (/ events\/s {2}accepted/.test(line)) end.abort();
  });
  expect(code, said).toBe(exitCodes.interrupted);
  expect(said).toMatch(/log +\d+ events of \d+ keys read back: 0 lost, 0 doubled, 0 disordered/);
  expect(said).toMatch(/ended early +by Ctrl-C/);
  expect(await isGone(said)).toBe(true);
});

/** Who has the log open. */
function ownerOf(log: string): number {
  const lock = new DatabaseSync(`${log}.lock`, { readOnly: true });
  try {
    return Number(lock.prepare("PRAGMA user_version").get()!["user_version"]);
  } finally {
    lock.close();
  }
}

test.for(["SIGKILL", "SIGTERM"] as const)(
  "[LT11] with k6: a server that ends by %s ends the run, and is told; what it had taken is read back all the same",
  needsK6,
  async (signal) => {
    const data = join(folder, `ends-${signal}`);
    let ended = false;
    const args = ["soak", "--rate", "1000", "--data", data, "--report", join(folder, "ends.html")];
    const { code, said, complained } = await load(args, (line) => {
      if (ended || !/ events\/s {2}accepted/.test(line)) return;
      ended = true;
      process.kill(ownerOf(join(data, "log.db")), signal);
    });
    expect(code, said).toBe(exitCodes.notRun);
    const how = `millrace dev ended with ${signal === "SIGTERM" ? "0" : signal} in the midst of the load`;
    expect(complained).toMatch(new RegExp(`^LOAD_SERVER_FAILED ${how}`));
    expect(said).toMatch(/✓ log +[\d,]+ events of [\d,]+ keys read back: 0 lost, 0 doubled, 0 disordered/);
    expect(said).toContain(`✗ server`);
    expect(said).not.toContain("Ctrl-C");
  },
);

test(
  "[LT11] with k6: a server that ends while it is asked what it counted is told, and what it had taken is read back",
  needsK6,
  async () => {
    const data = join(folder, "ends-late");
    const args = ["smoke", "--seconds", "2", "--no-timings", "--data", data, "--report", join(folder, "ends-late.html")];
    const { code, said, complained } = await load(args, (line) => {
      if (line.endsWith("reading them back …")) process.kill(ownerOf(join(data, "log.db")), "SIGKILL");
    });
    expect(code, said).toBe(exitCodes.notRun);
    expect(complained).toMatch(/^LOAD_SERVER_FAILED millrace dev ended with SIGKILL/);
    expect(said).toMatch(/✓ log +[\d,]+ events of [\d,]+ keys read back: 0 lost, 0 doubled, 0 disordered/);
  },
);

test("[LT11] with k6: another's server that ends is told when nothing more can be asked", needsK6, async () => {
  const server = await startOwnServer(join(folder, "given-ends"), process.env, new AbortController().signal);
  const args = ["smoke", "--seconds", "8", "--url", server.url, "--report", join(folder, "given-ends.html")];
  let ended: Promise<void> | undefined;
  const { code, said, complained } = await load(args, (line) => {
    if (/ events\/s {2}accepted/.test(line)) ended ??= server.stop();
  });
  await ended;
  expect(code, said).toBe(exitCodes.notRun);
  expect(complained).toMatch(/^LOAD_SERVER_AWAY/);
  expect(said).toMatch(/✗ not accepted: k6_\d+/);
  expect(said).toMatch(/✗ server/);
});

test("[LT5] with k6: a server that runs already is loaded, not ended; its queries are what is judged", needsK6, async () => {
  const server = await startOwnServer(join(folder, "given"), process.env, new AbortController().signal);
  try {
    const args = ["smoke", "--seconds", "2", "--no-timings", "--url", server.url, "--report", join(folder, "url.html")];
    for (let time = 0; time < 2; time++) {
      const { code, said } = await load(args);
      expect(code, said).toBe(exitCodes.held);
      expect(said).toMatch(/log +not read/);
      expect(said).toMatch(/✓ orders counted by the pipeline/);
    }
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  } finally {
    await server.stop();
  }
  const { code, complained } = await load(["smoke", "--url", server.url]);
  expect(code).toBe(exitCodes.notRun);
  expect(complained).toMatch(/^LOAD_SERVER_AWAY/);
});
