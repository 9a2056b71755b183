import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import type { WorkerSettings, WorkerWord } from "./worker-settings.ts";

const main = fileURLToPath(new URL("worker-process.ts", import.meta.url));

export type Heard = WorkerWord & { readonly at: number };

/** A worker process, and all it has said. It does not outlive this process. */
export class WorkerChild {
  readonly settings: WorkerSettings;
  readonly heard: Heard[] = [];
  /** Exit code, or the signal that ended it; undefined while it runs. */
  end: number | string | undefined;
  /** Tasks it was told last that it owns. */
  tasks: readonly string[] = [];
  /** When it last said that a commit with records was durable; ms of `Date.now`. */
  lastRecordsAt = 0;
  lastCommitAt = 0;
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(word: Heard) => void>();

  /** @param logFile where everything it says is appended */
  constructor(
    settings: WorkerSettings,
    { logFile, env = {} }: { readonly logFile: string; readonly env?: Readonly<Record<string, string>> },
  ) {
    this.settings = settings;
    const child = (this.#child = spawn(process.execPath, [main, JSON.stringify(settings)], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    }));
    child.stdin!.on("error", () => undefined);
    const log = (text: string): void => appendFileSync(logFile, text);
    log(`# pid ${child.pid} ${JSON.stringify(settings)}\n`);
    child.stderr!.setEncoding("utf8").on("data", log);
    createInterface({ input: child.stdout! }).on("line", (line) => {
      log(`${line}\n`);
      this.#hear(JSON.parse(line) as Heard);
    });
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    this.ended = new Promise((settle) => {
      child.once("close", (code, signal) => {
        this.end = signal ?? code ?? 0;
        process.off("exit", kill);
        log(`# ended with ${this.end}\n`);
        settle(this.end);
      });
    });
  }

  get running(): boolean {
    return this.end === undefined;
  }

  get ready(): boolean {
    return this.running && this.heard.some(({ say }) => say === "ready");
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  /** What it said since it had said so much. */
  since(count: number): readonly Heard[] {
    return this.heard.slice(count);
  }

  onWord(listener: (word: Heard) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** Asks it to commit and leave; `dumpFile` has the state of its tasks then. */
  stop(dumpFile: string): void {
    this.#child.stdin!.write(`${JSON.stringify({ order: "stop", dumpFile })}\n`);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  #hear(word: Heard): void {
    this.heard.push(word);
    if (word.say === "assigned") this.tasks = word.tasks;
    if (word.say === "committed") {
      this.lastCommitAt = word.at;
      if (word.records > 0) this.lastRecordsAt = word.at;
    }
    for (const listener of this.#listeners) listener(word);
  }
}
