import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

/** `millrace dev` without the demo, in a process of its own; started again, it has the same port and the same data. */
export class DevServer {
  readonly #data: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(env: Readonly<Record<string, string>> = {}, data: string = mkdtempSync(join(tmpdir(), "millrace-handbook-"))) {
    this.#env = env;
    this.#data = data;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    const args = [cli, "dev", "--no-demo", "--data", this.#data, "--port", String(this.#port)];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MILLRACE_KEY: "", ...this.#env },
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
