import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { DevServer } from "../../handbook/testing/dev-server.ts";

const launcher = fileURLToPath(new URL("../../cli/millrace.js", import.meta.url));
/** What `curl -d` says of its body. */
const asCurl = { "Content-Type": "application/x-www-form-urlencoded" };

/** The whole house in a process of its own, as a newcomer starts it, on a data folder that outlives it. */
export class Shop {
  readonly #server = new DevServer();
  readonly #replays = new Set<ChildProcess>();
  url = "";

  /** Starts it; after `kill` at the same address. */
  async start(): Promise<string> {
    this.url = (await this.#server.start()).url;
    return this.url;
  }

  /** As a power cut does. */
  kill(): Promise<void> {
    return this.#server.end("SIGKILL");
  }

  /** Sends the shipped month of real orders, with some stock received before; what it returns ends that and waits until it has ended. */
  replay(args: readonly string[]): () => Promise<void> {
    const { child, ended } = this.#startReplay(args);
    return async () => {
      child.kill("SIGINT");
      await ended;
    };
  }

  /** Sends all of them, and settles when each query shows them. */
  async replayAll(args: readonly string[]): Promise<void> {
    const code = await this.#startReplay([...args, "--wait"]).ended;
    if (code !== 0) throw new Error(`the replay ended with ${code}`);
  }

  #startReplay(args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<number | null> } {
    const child = spawn(process.execPath, [launcher, "replay", "--to", this.url, ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, MILLRACE_KEY: "" },
    });
    this.#replays.add(child);
    const ended = once(child, "exit").then(([code]) => {
      this.#replays.delete(child);
      return code as number | null;
    });
    return { child, ended };
  }

  /** Posts one event as it is written; answers the status. */
  async post(event: string | object): Promise<number> {
    const body = typeof event === "string" ? event : JSON.stringify(event);
    return (await fetch(`${this.url}/v1/events`, { method: "POST", body, headers: asCurl })).status;
  }

  async ask<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.url}${path}`)).json()) as T;
  }

  async close(): Promise<void> {
    for (const child of this.#replays) child.kill("SIGKILL");
    await this.#server.close();
  }
}
