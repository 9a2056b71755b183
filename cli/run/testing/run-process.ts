import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const launcher = fileURLToPath(new URL("../../millrace.js", import.meta.url));
const deadlineMs = 90_000;

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-run-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Orders by country and day behind a repartition, under a name that nobody has used on the cluster. */
export function orderTopology(folder: string, name: string): string {
  const file = join(folder, "orders.yaml");
  const text = `topology: ${name}
nodes:
  orders:
    from: business.orders.created
    dedupe: { by: eventId, within: 24h }
  orders-by-country:
    from: orders
    key: data.shippingAddress.country
    window: { tumbling: 1d, grace: 30s, retain: 400d }
    aggregate: { orders: count(), revenue: sum(data.total) }
`;
  writeFileSync(file, text);
  return file;
}

export type RunOutcome = { readonly code: number | null; readonly out: string; readonly err: string };

/** What is started; by default `millrace run` as users start it. */
export type Program = { readonly program: string; readonly command?: readonly string[] };

/** `millrace run` as a process of its own; killed at the test's end if it still runs. */
export class RunProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  out = "";
  err = "";

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    { program, command = ["run"] }: Program = { program: launcher },
  ) {
    const child = spawn(process.execPath, [program, ...command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, MILLRACE_KEY: "", ...env },
    });
    this.#child = child;
    this.#exited = once(child, "exit");
    child.stdout.on("data", (text: Buffer) => (this.out += text.toString()));
    child.stderr.on("data", (text: Buffer) => (this.err += text.toString()));
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await this.#exited;
    });
  }

  get url(): string {
    return /(?:queries|live page)\s+(http:\/\/[^/\s]+)\//.exec(this.out)![1]!;
  }

  /** Until it listens. */
  async listening(): Promise<this> {
    await this.until(() => /readiness/.test(this.out), "it listens");
    return this;
  }

  /** Until all its first tasks run. */
  async ready(): Promise<this> {
    await this.listening();
    await this.until(async () => (await this.get("/readyz")).status === 200, "it is ready");
    return this;
  }

  async until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (const deadline = performance.now() + deadlineMs; ;) {
      if (await holds()) return;
      if (this.#child.exitCode !== null || performance.now() > deadline)
        throw new Error(`not so: ${what}\n${this.out}\n${this.err.slice(-4000)}`);
      await sleep(50);
    }
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    try {
      return await fetch(`${this.url}${path}`, { headers });
    } catch (cause) {
      throw new Error(`${path} was not answered; exit code ${this.#child.exitCode}\n${this.out}\n${this.err.slice(-4000)}`, { cause });
    }
  }

  async text(path: string): Promise<string> {
    const response = await this.get(path, { prefer: "wait=30" });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path} answers ${response.status}: ${text}`);
    return text;
  }

  /** A number of `/metrics`, summed over its series. */
  async metric(name: string): Promise<number> {
    const lines = (await this.text("/metrics")).split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Posts one order for each country; answers their tokens. */
  async post(countries: readonly string[], orderId: (country: string) => string): Promise<readonly string[]> {
    const response = await fetch(`${this.url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(countries.map((country) => order(orderId(country), country))),
    });
    const body = (await response.json()) as { results: readonly { status: string; token: string }[] };
    if (response.status !== 200) throw new Error(`posting answers ${response.status}: ${JSON.stringify(body).slice(0, 1000)}`);
    return body.results.map(({ token }) => token);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<RunOutcome> {
    await Promise.race([this.#exited, sleep(deadlineMs, undefined, { ref: false })]);
    return { code: this.#child.exitCode, out: this.out, err: this.err };
  }
}

const order = (orderId: string, country: string): object => ({
  eventType: "order.created",
  eventId: orderId,
  data: {
    orderId,
    customerId: orderId,
    items: [{ sku: "22423", quantity: 2, unitPrice: { amount: "10.95", currency: "GBP" } }],
    total: { amount: "21.90", currency: "GBP" },
    shippingAddress: { country },
    paymentMethod: { type: "card", cardId: `card-${orderId}` },
  },
});
