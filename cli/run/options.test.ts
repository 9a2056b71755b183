import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { runRunCommand } from "./command.ts";
import { readRunOptions, runHelp } from "./options.ts";

const good = ["topology.yaml", "--broker", "kafka://h:9092"];

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runRunCommand(args, {
    env,
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

describe("[R14] arguments of millrace run", () => {
  test("topology and broker are all that is needed", () => {
    expect(readRunOptions(good, {})).toEqual({
      topology: resolve("topology.yaml"),
      broker: "kafka://h:9092",
      workers: 1,
      state: resolve(".millrace/run"),
      instance: undefined,
      host: "127.0.0.1",
      port: 8080,
      advertise: undefined,
      gateway: true,
      duplicates: true,
      sinks: true,
      retention: "default",
      replication: undefined,
      minIsr: undefined,
      commitMs: 25,
      commitRecords: 20_000,
      idleMs: 1000,
      taskIdleMs: 20,
      sessionTimeoutMs: 15_000,
      transactionTimeoutMs: 15_000,
      keepMembership: false,
      connectMs: 15_000,
      logLevel: "info",
    });
    expect(readRunOptions(["t.yaml"], { MILLRACE_BROKER: "kafka://e" })).toMatchObject({ broker: "kafka://e" });
  });

  test("each is taken", () => {
    const all =
      "--workers 3 --state s --instance shop-1 --host 0.0.0.0 --port 0 --advertise 10.0.0.7:80 --no-gateway --no-duplicates --no-sinks";
    const more = "--retention forever --replication 3 --min-isr 2 --commit 1s --commit-records 7 --idle 30d --session-timeout 6s";
    const last = "--transaction-timeout 10s --keep-membership --connect-timeout 1m --log debug";
    expect(readRunOptions([...good, ...`${all} ${more} ${last}`.split(" ")], {})).toMatchObject({
      workers: 3,
      state: resolve("s"),
      instance: "shop-1",
      host: "0.0.0.0",
      port: 0,
      advertise: { host: "10.0.0.7", port: 80 },
      gateway: false,
      duplicates: false,
      sinks: false,
      retention: "forever",
      replication: 3,
      minIsr: 2,
      commitMs: 1000,
      commitRecords: 7,
      idleMs: 30 * 86_400_000,
      taskIdleMs: 20,
      sessionTimeoutMs: 6000,
      transactionTimeoutMs: 10_000,
      keepMembership: true,
      connectMs: 60_000,
      logLevel: "debug",
    });
  });

  test.each<[args: string[], told: RegExp]>([
    [[], /which topology file/],
    [["a.yaml", "b.yaml", "--broker", "kafka://h"], /which topology file to run, one/],
    [["a.yaml"], /--broker kafka:/],
    [[...good, "--workers", "0"], /--workers is a whole number from 1 to 256, not 0/],
    [[...good, "--workers", "two"], /--workers is a whole number/],
    [[...good, "--instance", "a b"], /--instance has letters/],
    [[...good, "--port", "70000"], /--port is a whole number from 0 to 65535/],
    [[...good, "--advertise", "x:y"], /--advertise is HOST or HOST:PORT/],
    [[...good, "--retention", "7d"], /--retention is default or forever, not 7d/],
    [[...good, "--replication", "1", "--min-isr", "2"], /--min-isr 2 cannot be reached with --replication 1/],
    [[...good, "--commit", "100"], /--commit is a span of time such as 250ms/],
    [[...good, "--session-timeout", "5ms"], /--session-timeout is at least 1000ms/],
    [[...good, "--log", "loud"], /--log is debug/],
    [[...good, "--brokr", "x"], /'--brokr'/],
  ])("%j is refused with what would be right", async (args, told) => {
    const { code, err } = await run(args);
    expect([code, err]).toEqual([2, expect.stringMatching(told)]);
    expect(err).toContain("millrace run --help says more");
  });

  test("--help tells every option", async () => {
    const { code, out } = await run(["--help"]);
    expect([code, out]).toEqual([0, runHelp]);
    for (const option of [
      "broker",
      "workers",
      "state",
      "instance",
      "port",
      "host",
      "advertise",
      "no-gateway",
      "keep-membership",
      "retention",
      "replication",
      "min-isr",
      "commit",
      "idle",
      "session-timeout",
      "transaction-timeout",
      "connect-timeout",
      "log",
    ])
      expect(out).toContain(`--${option}`);
  });
});

describe("[R14] what is wrong before anything is started", () => {
  test("a URL that is none, or has a secret in it: its code, exit code 2, and never the secret", async () => {
    expect(await run(["t.yaml", "--broker", "localhost:9092"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^KAFKA_URL_MALFORMED /) as string,
    });
    const { code, err } = await run(["t.yaml", "--broker", "kafka://me:hunter2@h:9092"]);
    expect([code, err]).toEqual([2, expect.stringMatching(/^KAFKA_URL_SECRET /)]);
    expect(err).not.toContain("hunter2");
  });

  test("a gateway for everybody without a key is refused", async () => {
    const { code, err } = await run([...good, "--host", "0.0.0.0"]);
    expect([code, err]).toEqual([2, expect.stringContaining("set MILLRACE_KEY, or add --no-gateway")]);
  });

  test("a topology that cannot be read, or has mistakes: exit code 1", async () => {
    expect(await run(["nowhere.yaml", ...good.slice(1)])).toMatchObject({
      code: 1,
      err: expect.stringContaining("nowhere.yaml cannot be read") as string,
    });
  });
});
