import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { endedWithUs } from "../../pinned-process.ts";
import type { Job } from "./job.ts";

const launcher = fileURLToPath(new URL("../../../cli/millrace.js", import.meta.url));

/** A line of its log, by its event and when it was written, ms since the epoch. */
export type LogLine = {
  readonly event: string;
  readonly time: number;
  readonly tasksOf?: Readonly<Record<string, number>>;
  readonly total?: number;
};

export type RunSettings = {
  readonly job: Job;
  readonly bootstrap: string;
  readonly folder: string;
  readonly instance: string;
  readonly port: number;
  readonly args?: readonly string[];
};

/** `millrace run` as it is started by hand, on any core, with a log of its steps. */
export class RunProcess {
  readonly spawnedAt = Date.now();
  readonly lines: LogLine[] = [];
  readonly child: ChildProcess;
  readonly #exited: Promise<void>;
  #err = "";

  constructor({ job, bootstrap, folder, instance, port, args = [] }: RunSettings) {
    const own = ["--state", join(folder, instance), "--instance", `${job.name}-${instance}`, "--port", String(port), "--no-gateway"];
    const topics = ["--retention", "forever", "--replication", "1"];
    const command = [
      process.execPath,
      launcher,
      "run",
      job.file,
      "--broker",
      `kafka://${bootstrap}`,
      "--log",
      "debug",
      ...own,
      ...topics,
      ...args,
    ];
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "code") };
    this.child = endedWithUs(spawn(command[0]!, command.slice(1), { env, stdio: ["ignore", "ignore", "pipe"] }));
    this.#exited = new Promise((settle) => this.child.once("exit", () => settle()));
    createInterface({ input: this.child.stderr! }).on("line", (line) => {
      this.#err = `${this.#err}${line}\n`.slice(-4000);
      if (!line.startsWith("{")) return;
      const told = JSON.parse(line) as Omit<LogLine, "time"> & { readonly time: string };
      this.lines.push({ ...told, time: Date.parse(told.time) });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** @throws {Error} it has ended by itself */
  check(): void {
    if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`millrace run has ended: ${this.#err}`);
  }

  /** Milliseconds from the start of the process to the first line of an event; NaN when there is none. */
  msTo(event: string, holds: (line: LogLine) => boolean = () => true): number {
    const line = this.lines.find((each) => each.event === event && holds(each));
    return line === undefined ? Number.NaN : line.time - this.spawnedAt;
  }

  /** The last line of an event that was written at a time or later. */
  since(time: number, event: string): LogLine | undefined {
    return this.lines.findLast((line) => line.event === event && line.time >= time);
  }

  /** As a machine that loses its power does, but for the disk. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}
