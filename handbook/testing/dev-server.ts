import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../../cli/millrace.js", import.meta.url));

export type DevServerOptions = {
  /** Its data folder, which goes away with it; a new one if nothing is said. */
  readonly data?: string;
  /** Beside the environment of this process. No key, unless one is said. */
  readonly env?: Readonly<Record<string, string>>;
};

/** `millrace dev` without the demo, in a process of its own; started again, it has the same port and the same data. */
export class DevServer {
  readonly #data: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #port = 0;

  constructor({ data = mkdtempSync(join(tmpdir(), "millrace-dev-")), env = {} }: DevServerOptions = {}) {
    this.#data = data;
    this.#env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Resolves when it listens. Arguments and environment are of this start alone. */
  async start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<this> {
    const all = ["dev", "--no-demo", "--data", this.#data, "--port", String(this.#port), ...args];
    const child = spawn(process.execPath, [launcher, ...all], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MILLRACE_KEY: "", ...this.#env, ...env },
    });
    this.#child = child;
    this.#port = await new Promise<number>((settle, reject) => {
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const match = /live page\s+http:\/\/[^:]+:(\d+)\//.exec(said);
        if (match) settle(Number(match[1]));
      });
      child.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    return this;
  }

  /** Resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  async close(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.#data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
