import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Taken = {
  /** `sku,units,revenue`, sorted. */
  readonly rows: readonly string[];
  /** Idempotency keys, each once. */
  readonly ids: readonly string[];
  /** How many came again. */
  readonly repeated: number;
  /** How many new ones were older than one of their article before. */
  readonly disordered: number;
};

/** The receiver's process as whoever started it sees it. */
export class Receiver {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: string) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}/`;
  }

  static async start(): Promise<Receiver> {
    const script = fileURLToPath(new URL("./receiver-process.ts", import.meta.url));
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    process.once("exit", () => child.kill("SIGKILL"));
    const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return new Receiver(child, port);
  }

  async taken(): Promise<Taken> {
    return (await (await fetch(this.url)).json()) as Taken;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}
