import { startMillrace, type Child } from "./child.ts";
import { until } from "./until.ts";

/** Whether the gateway keeps its table of ids: always, never, or every other time it is started. */
export type Duplicates = "on" | "off" | "mixed";

export type ServerOptions = {
  readonly data: string;
  readonly duplicates: Duplicates;
  readonly deadlineMs: number;
  /** The shipped topology unless told. */
  readonly topology?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** `millrace dev --no-demo`, started again on the same data and port as often as it is killed. */
export class Server {
  #child: Child | undefined;
  #url = "";
  #starts = 0;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#url;
  }

  get running(): boolean {
    return this.#child?.running() === true;
  }

  get said(): string {
    return this.#child?.said() ?? "";
  }

  /** Settles when it is ready. */
  async start(): Promise<void> {
    const { data, duplicates, deadlineMs, topology, env } = this.#options;
    const off = duplicates === "off" || (duplicates === "mixed" && this.#starts++ % 2 === 1);
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const which = topology === undefined ? [] : ["--topology", topology];
    const child = startMillrace(["dev", "--no-demo", "--data", data, "--port", port, ...which, ...(off ? ["--no-duplicates"] : [])], env);
    this.#child = child;
    await until(
      async () => {
        if (!child.running()) throw new Error(`the server ended by itself:\n${child.said()}`);
        const url = /live page\s+(http:\S+?)\/?\s/.exec(child.stdout())?.[1];
        if (url === undefined) return undefined;
        if (this.#url !== "" && url !== this.#url) throw new Error(`the server took ${url} instead of ${this.#url}`);
        this.#url = url;
        const response = await fetch(`${url}/readyz`).catch(() => undefined);
        return response?.status === 200 ? true : undefined;
      },
      deadlineMs,
      () => `the server was not ready in time:\n${child.said()}`,
    );
  }

  async kill(): Promise<void> {
    await this.#child?.kill("SIGKILL");
  }

  /** As Ctrl-C does; answers whether it said that all is committed. */
  async stop(): Promise<boolean> {
    const child = this.#child!;
    await child.kill("SIGINT");
    return (await child.ended) === 0;
  }
}
