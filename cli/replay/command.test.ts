import { describe, expect, test } from "vitest";
import { readArguments, replayArgs, replayHelp, runReplayCommand, shippedMonth } from "./command.ts";
import type { ReplayReport } from "./report.ts";
import { csvFile, row } from "./testing/csv-file.ts";
import { moodyServer } from "./testing/moody-server.ts";

type Ran = { code: number; out: string; err: string };

async function run(args: readonly string[], { env = {}, isTTY = false, signal = new AbortController().signal } = {}): Promise<Ran> {
  let out = "";
  let err = "";
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text), isTTY };
  const code = await runReplayCommand(args, { env, stdout, stderr, signal });
  return { code, out, err };
}

const options = (args: readonly string[], env = {}): object => {
  const read = readArguments(["--to", "http://h:1/", ...args], env);
  return read === "help" ? {} : read.options;
};

describe("[P19] arguments", () => {
  test("without any but --to: the shipped month, once, as fast as the server takes it, by the data's time", () => {
    expect(options([])).toEqual({
      files: [shippedMonth],
      to: "http://h:1",
      speed: Number.POSITIVE_INFINITY,
      stamp: "data",
      openingStock: 0,
      repeat: 1,
      rejects: null,
      wait: false,
      batch: 1000,
      key: null,
    });
  });

  test("each is taken; the environment gives the server and the key", () => {
    const all = [
      "a.csv",
      "--speed",
      "3600",
      "b.csv",
      "--stamp=now",
      "--opening-stock",
      "50",
      "--repeat",
      "3",
      "--rejects",
      "r",
      "--wait",
      "--batch",
      "7",
    ];
    expect(options([...all, "--key", "k"])).toMatchObject({
      files: ["a.csv", "b.csv"],
      speed: 3600,
      stamp: "now",
      openingStock: 50,
      repeat: 3,
      rejects: "r",
      wait: true,
      batch: 7,
      key: "k",
    });
    expect(readArguments([], { MILLRACE_URL: "http://h:2", MILLRACE_KEY: "sk" })).toMatchObject({
      options: { to: "http://h:2", key: "sk" },
    });
    expect(options(["--stamp", "now"])).toMatchObject({ repeat: Number.POSITIVE_INFINITY });
  });

  test.each([
    [["--speed", "0"]],
    [["--speed", "fast"]],
    [["--speed=-1"]],
    [["--stamp", "then"]],
    [["--opening-stock", "1.5"]],
    [["--repeat", "0"]],
    [["--repeat", "1e3"]],
    [["--batch", "1001"]],
    [["--to", "localhost:8080"]],
    [["--to", ""]],
    [["--fast"]],
    [["--rejects"]],
    [["--wait", "--stamp", "now"]],
  ])("%o is wrong usage: exit 2, with what is right", async (args) => {
    const { code, out, err } = await run(["--to", "http://h:1", ...args]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^REPLAY_USAGE .+\nmillrace replay --help says more\n$/);
  });

  test("--to is asked for; --help tells every option", async () => {
    expect((await run([])).err).toMatch(/REPLAY_USAGE say where to: --to/);
    expect(await run(["--help"])).toEqual({ code: 0, out: replayHelp, err: "" });
    for (const name of Object.keys(replayArgs)) expect(replayHelp).toContain(`--${name}`);
  });
});

describe("[P19] what is reported", () => {
  test("as text: counts of rows by reason, events by type, rate; exit 0 though rows were refused", async () => {
    const server = await moodyServer();
    const { code, out, err } = await run([csvFile(row(), row({ price: -1 })), "--to", server.url]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^done: 3 events accepted, 0 known already, 0 rejected\n/);
    expect(out).toMatch(/rows: 2 read, 1 accepted, 1 refused; 1 invoices\n {2}negative-price +1\n/);
    expect(out).toMatch(/order\.created +1\n/);
  });

  test("as JSON, with the tokens to read one's own writes by", async () => {
    const server = await moodyServer();
    const { out } = await run([csvFile(row()), "--to", server.url, "--json"]);
    const report = JSON.parse(out) as ReplayReport;
    expect(report).toMatchObject({
      rows: { read: 1 },
      events: { accepted: 3, byType: { "order.created": 1 } },
      interrupted: false,
      shownBy: null,
    });
    expect(report.tokens).toEqual(["business.order.created:0:0", "business.payment.attempted:0:1", "business.payment.authorized:0:2"]);
  });

  test("progress is in place on a terminal: rate, event time, time left", async () => {
    const server = await moodyServer();
    const { err } = await run(["--to", server.url, "--opening-stock", "5"], { isTTY: true });
    const [, first] = err.split("\r\u001b[2K");
    expect(first).toMatch(/^[\d,]+ of 6,795 \(\d+ %\) events · [\d,]+\/s · 2011-04-\d\d \d\d:\d\d · \d+ s left$/);
    expect(err.endsWith("\r\u001b[2K")).toBe(true);
  });

  test("--wait names the queries that show it", async () => {
    const server = await moodyServer();
    server.other = (_, response) => void response.writeHead(200).end(JSON.stringify({ queries: [{ name: "orders-by-day" }] }));
    const { code, out } = await run([csvFile(row()), "--to", server.url, "--wait"]);
    expect(code).toBe(0);
    expect(out).toMatch(/shown by 1 queries after \d+\.\d s: orders-by-day\n$/);
  });

  test("exit 1 when the server rejects events, or refuses, or a file cannot be read; 130 when interrupted", async () => {
    const server = await moodyServer();
    server.mood = () => ({ kind: "reject", ids: ({ eventType }) => eventType === "payment.authorized" });
    expect((await run([csvFile(row()), "--to", server.url])).code).toBe(1);
    server.mood = () => ({ kind: "status", status: 401 });
    expect(await run([csvFile(row()), "--to", server.url])).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^REPLAY_REFUSED_BY_SERVER /) as string,
    });
    expect(await run(["no/such.csv", "--to", server.url])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^REPLAY_FILE_UNREADABLE .*no\/such\.csv/) as string,
    });
    const interrupted = await run(["--to", server.url], { signal: AbortSignal.abort() });
    expect(interrupted).toMatchObject({ code: 130, out: expect.stringMatching(/^interrupted: 0 events/) as string });
  });
});
