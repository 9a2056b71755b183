import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
/** What `curl -d` says of its body. */
const asCurl = { "Content-Type": "application/x-www-form-urlencoded" };

/** The whole house in a process of its own, as a newcomer starts it, on a data folder that outlives it. */
export class Shop {
  readonly #data = mkdtempSync(join(tmpdir(), "millrace-page-"));
  readonly #children = new Set<ChildProcess>();
  #server: ChildProcess | undefined;
  url = "";

  /** Starts it; after `kill` at the same address. */
  async start(): Promise<string> {
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const server = this.#spawn(["dev", "--no-demo", "--data", this.#data, "--port", port], "pipe");
    this.#server = server;
    this.url = await new Promise<string>((settle, reject) => {
      let said = "";
      server.stdout!.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const match = /live page\s+(http:\/\/\S+?)\/\s/.exec(said);
        if (match) settle(match[1]!);
      });
      server.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    return this.url;
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    this.#server!.kill("SIGKILL");
    await once(this.#server!, "exit");
  }

  /** Sends the shipped month of real orders, with some stock received before; what it returns ends that and waits for it. */
  replay(args: readonly string[]): () => Promise<void> {
    const child = this.#spawn(["replay", "--to", this.url, ...args], "ignore");
    return async () => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
      child.kill("SIGINT");
      await ended;
    };
  }

  /** Posts one event as it is written; answers the status. */
  async post(event: string | object): Promise<number> {
    const body = typeof event === "string" ? event : JSON.stringify(event);
    return (await fetch(`${this.url}/v1/events`, { method: "POST", body, headers: asCurl })).status;
  }

  async ask<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.url}${path}`)).json()) as T;
  }

  close(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.#data, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  #spawn(args: readonly string[], stdout: "pipe" | "ignore"): ChildProcess {
    const child = spawn(process.execPath, [cli, ...args], {
      stdio: ["ignore", stdout, "inherit"],
      env: { ...process.env, MILLRACE_KEY: "" },
    });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }
}
