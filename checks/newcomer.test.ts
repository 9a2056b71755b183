import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { until } from "./torture/until.ts";

const checkout = fileURLToPath(new URL("..", import.meta.url));
const data = mkdtempSync(join(tmpdir(), "millrace-newcomer-"));
const deadlineMs = 60_000;
const started: ChildProcess[] = [];

afterAll(() => {
  for (const { pid, exitCode, signalCode } of started)
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
  rmSync(data, { recursive: true });
});

type Started = {
  readonly url: string;
  readonly text: string;
  /** As Ctrl-C in a terminal does: every process of the group hears of it. Answers what was said in the end. */
  interrupt(): Promise<string>;
};

async function npmStart(): Promise<Started> {
  const child = spawn("npm", ["start", "--", "--data", data, "--port", "0"], { cwd: checkout, detached: true });
  started.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (more: string) => (text += more));
  // npm itself ends by the signal, once what it started has ended.
  const ended = new Promise<void>((settle) => child.once("close", () => settle()));
  const url = await until(
    () => {
      if (child.exitCode !== null) throw new Error(`npm start ended by itself:\n${text}`);
      return text.includes("Ctrl-C drains") ? /live page\s+(http:\S+?)\/\s/.exec(text)?.[1] : undefined;
    },
    deadlineMs,
    () => `not ready in time:\n${text}`,
  );
  return {
    url,
    text,
    interrupt: async () => {
      process.kill(-child.pid!, "SIGINT");
      await ended;
      return text;
    },
  };
}

const json = async (url: string, init?: RequestInit): Promise<unknown> => (await fetch(url, init)).json();
const mine = async (url: string, after = ""): Promise<unknown> => {
  const { rows } = (await json(`${url}/v1/queries/orders-by-customer-and-day?customerId=me&${after}`, {
    headers: { Prefer: "wait=30" },
  })) as {
    rows?: readonly { orders: number }[];
  };
  return rows?.map(({ orders }) => orders);
};
const lastResult = async (url: string): Promise<number> => ((await json(`${url}/v1/tail`)) as { last: number }).last;

test(
  "[X6] npm start: a page that moves, an order by hand that is seen, Ctrl-C that drains; started again it goes on",
  { timeout: 180_000 },
  async () => {
    const first = await npmStart();
    const page = await fetch(`${first.url}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);

    const begun = await lastResult(first.url);
    await until(
      async () => ((await lastResult(first.url)) > begun ? true : undefined),
      deadlineMs,
      () => "the demo posts nothing",
    );

    // The ready-made line, as curl would send it.
    const [, url, body] = /curl -sS (\S+) -d '([^']*)'/.exec(first.text)!;
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const posted = (await json(url!, { method: "POST", headers: form, body: body! })) as { results: { status: string; token: string }[] };
    expect(posted.results).toMatchObject([{ status: "accepted" }]);
    expect(await mine(first.url, `after=${posted.results[0]!.token}`)).toEqual([1]);

    expect(await first.interrupt()).toContain("all committed");

    const second = await npmStart();
    expect(await mine(second.url)).toEqual([1]);
    const before = await lastResult(second.url);
    await until(
      async () => ((await lastResult(second.url)) > before ? true : undefined),
      deadlineMs,
      () => "the demo does not go on",
    );
    expect(await second.interrupt()).toContain("all committed");
  },
);
